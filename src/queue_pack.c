/*-------------------------------------------------------------------------
 *
 * queue_pack.c
 *		Stage 2: several changes in one entry.
 *
 * A statement that changes many rows would write, and a drain remove, as many
 * rows of the queue.  Their header and their other columns are longer than most link
 * values, so the values of one source are put together:
 *
 *		1 byte					2, which no packed row of values begins with (link.c)
 *		2 bytes					how many values, high byte first
 *		4 bytes					id of the transaction that logged them, or 0
 *		per value				1 byte with its length, then its bytes
 *
 * The id is 0 where it is that of the entry's own writer.  A drain that takes some of
 * the values writes the others back in a new entry, and says there who logged them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "queue_pack.h"

#define PACK_MARK	2

tvb_compat_noreturn static void report_misfit(void);

void
tvb_queue_pack_reset(TvbQueuePack *pack)
{
	pack->count = 0;
	pack->len = TVB_QUEUE_PACK_HEAD;
}

bool
tvb_queue_pack_add(TvbQueuePack *pack, const char *value, int len)
{
	char	   *to = pack->data + pack->len;

	Assert(len <= TVB_QUEUE_PACK_VALUE_MAX);
	if (pack->len + 1 + len > TVB_QUEUE_PACK_MAX)
		return false;
	*to++ = (char) len;
	memcpy(to, value, len);
	pack->len += 1 + len;
	pack->count++;
	return true;
}

void
tvb_queue_pack_finish(TvbQueuePack *pack, TransactionId writer)
{
	pack->data[0] = PACK_MARK;
	pack->data[1] = (char) (pack->count >> 8);
	pack->data[2] = (char) (pack->count & 0xFF);
	memcpy(pack->data + 3, &writer, sizeof(writer));
}

int
tvb_queue_pack_count(const char *link, int len)
{
	const unsigned char *head = (const unsigned char *) link;

	if (len < TVB_QUEUE_PACK_HEAD || len > TVB_QUEUE_PACK_MAX || head[0] != PACK_MARK)
		return 0;
	return head[1] << 8 | head[2];
}

void
tvb_queue_unpack(TvbQueueUnpack *reader, const char *link, int len)
{
	reader->left = tvb_queue_pack_count(link, len);
	memcpy(&reader->writer, link + 3, sizeof(reader->writer));
	reader->data = link + TVB_QUEUE_PACK_HEAD;
	reader->end = link + len;
}

bool
tvb_queue_unpack_next(TvbQueueUnpack *reader, const char **value, int *len)
{
	if (reader->left == 0)
		return false;
	if (reader->data == reader->end)
		report_misfit();
	*len = *(const unsigned char *) reader->data++;
	if (*len > reader->end - reader->data)
		report_misfit();
	*value = reader->data;
	reader->data += *len;
	reader->left--;
	return true;
}

/* The bytes are no pack. */
static void
report_misfit(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("a queue entry is damaged")));
}
