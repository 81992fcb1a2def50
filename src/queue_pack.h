/* queue_pack.h - inside stage 2: several changes in one entry; for the queue*.c files alone */
#ifndef TVB_QUEUE_PACK_H
#define TVB_QUEUE_PACK_H

#include "postgres.h"

/*
 * A pack takes no more bytes than this, so that its entry is never compressed nor moved out of line
 * (TOAST_TUPLE_THRESHOLD), and a value that is longer than VALUE_MAX gets an entry of its own.
 */
#define TVB_QUEUE_PACK_MAX			1900
#define TVB_QUEUE_PACK_VALUE_MAX	255

/* Before the values: the mark, the count and the writer. */
#define TVB_QUEUE_PACK_HEAD			(1 + 2 + (int) sizeof(TransactionId))

/* A pack being filled. */
typedef struct TvbQueuePack
{
	int			count;			/* values */
	int			len;			/* bytes in use, the head included */
	char		data[TVB_QUEUE_PACK_MAX];
} TvbQueuePack;

/* A pack being read. */
typedef struct TvbQueueUnpack
{
	int			left;			/* values to come */
	TransactionId writer;		/* who logged them, or 0: who wrote the entry */
	const char *data;
	const char *end;
} TvbQueueUnpack;

/* Empty a pack. */
extern void tvb_queue_pack_reset(TvbQueuePack *pack);

/* Add a value of at most VALUE_MAX bytes; false if there is no room. */
extern bool tvb_queue_pack_add(TvbQueuePack *pack, const char *value, int len);

/* Write the head: data is now the link of an entry. */
extern void tvb_queue_pack_finish(TvbQueuePack *pack, TransactionId writer);

/* Whether the link of an entry is a pack, and of how many values; 0 if it is none. */
extern int	tvb_queue_pack_count(const char *link, int len);

/* Begin to read a pack, which stays where it is. */
extern void tvb_queue_unpack(TvbQueueUnpack *reader, const char *link, int len);

/* The next value; false at the end. */
extern bool tvb_queue_unpack_next(TvbQueueUnpack *reader, const char **value, int *len);

#endif
