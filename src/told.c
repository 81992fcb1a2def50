/*-------------------------------------------------------------------------
 *
 * told.c
 *		Have those who committed told us of their DDL?
 *
 * A transaction that commits is first shown to snapshots, and then sends the invalidations that
 * tell others to look into the catalogs again.  COMMIT PREPARED removes the files of dropped tables in between, which may take a
 * while.  Who has a mark or a note from such a transaction knows that there was DDL, but may still have the function in its cache
 * that was replaced: it would compare a TVIEW with what the view was, and call it clean.  Relations cannot be met like that, as they
 * are locked.
 *
 * A transaction holds a lock on its own id until it has sent them.  So whoever has such a lock and is not running any more, for the
 * snapshot, is waited for.  This looks at all locks of the server, and is for marks and notes only, not for every drain.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "storage/lock.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"

#include "told.h"

void
tvb_told_wait(Snapshot snapshot)
{
	LockData   *locks = GetLockStatusData();

	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *held = &locks->locks[i];
		LOCKTAG		tag = held->locktag;

		if (tag.locktag_type != LOCKTAG_TRANSACTION || (held->holdMask & LOCKBIT_ON(ExclusiveLock)) == 0 ||
			TransactionIdIsCurrentTransactionId(tag.locktag_field1) || XidInMVCCSnapshot(tag.locktag_field1, snapshot))
			continue;
		(void) LockAcquire(&tag, ShareLock, false, false);
		LockRelease(&tag, ShareLock, false);
	}
	AcceptInvalidationMessages();
}
