/* memory.h - what the extension holds in this backend, and the most a drain held */
#ifndef TVB_MEMORY_H
#define TVB_MEMORY_H

#include "postgres.h"

/*
 * A drain begins, and with it proc, the context of its SPI connection.  end is
 * for a reset callback.
 */
extern void tvb_memory_begin(MemoryContext proc);
extern void tvb_memory_end(void);

/* Look how much the drain holds now.  Cheap enough for once per query; nothing happens outside a drain. */
extern void tvb_memory_sample(void);

/* The most that was seen in this drain, or in the last one. */
extern Size tvb_memory_peak(void);

#endif
