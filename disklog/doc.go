// Package disklog keeps a queue of opaque records on disk, in a few large files
// that are only ever appended to. It survives the end of the process at any
// instant, and that of the machine as far as it was synced; whatever is done to
// its files, it opens, gives back all that is whole, and says how much is not.
//
//	Append ─► [ segment ] [ segment ] [ segment ] ─► Next ─► … ─► Ack
//	           newest                    oldest                    │
//	                                   removed  ◄── SavePosition ◄─┘
//
// Every record has a weight, a number of units that the caller counts; the agent
// has a frame of spans in a record, and their number as the weight. Each record
// and each segment says what all records before it weigh together. So the weight
// of what is missing between any two that can be read is exact, without an index
// and without reading what is in between.
//
// # What is promised
//
//	after Append         a process may end, in any way, and the record is there
//	after Sync           a machine may, too
//	after Ack            the record may come again in a later process
//	after SavePosition   only after a power failure, or behind 14 others that
//	                     were acknowledged out of order
//
// Records come in the order in which they were appended, and none twice in one
// process. The numbers of records that were synced are never used again.
// Recovered, as Open tells it, is the sum of what Next returns from then on,
// records and Lost.
//
// Damage costs what is damaged: a flipped bit one record. A record that is lost
// is one that can't be read: a checksum is wrong, its file ends before it does,
// or its file or the disk is gone. One whose data is damaged is passed over by
// its length; behind a damaged header the next one is looked for, byte by byte.
// Nothing that is damaged is repaired or removed before all in it was read.
//
// Fsync is never called again on a file for which it has failed; see Log.Sync.
//
// # Files
//
// In the directory are segments, whose names have their first record's number and
// their salt in hexadecimal, and the position. Files that are to be renamed have
// the suffix ".tmp", and are removed at the next Open. Other names are left alone.
//
//	0000000000000000-8d4bb1f2.seg
//	00000000000003e8-04c2ad97.seg
//	position
//	lock                             of LockDir
//
// A segment holds the records from its own number up to that of the next one.
// What it may hold beyond that is not read: copies were made of it (Log.Sync), or
// it is what an Append that failed has left.
//
// All numbers are little-endian; a CRC is CRC32C (Castagnoli, as in RFC 3720).
// This is format version 1. Sizes and places of magic, version and CRC are the
// same in all versions, so that a damaged file is not taken for a newer one.
//
//	segment, 48 bytes:             record, 48 bytes and the data:
//	 0  "WAYSEG\r\n"                0  d1 5c 10 66
//	 8  u32 version, 1              4  u32 length of the data
//	12  u32 salt                    8  u64 number
//	16  u64 number of the first    16  u64 weight of all records before it
//	24  u64 weight of all records  24  u64 weight
//	        before it              32  i64 time, Unix, ns
//	32  i64 created, Unix, ns      40  u32 CRC of the data
//	40  u32 rank                   44  u32 CRC of bytes 0..43, begun with the
//	44  u32 CRC of bytes 0..43             salt where a plain one begins with 0
//	48  records, to the end        48  data; the next record follows at once
//
//	position, 4608 bytes: two slots in a sector each, at 0 and at 4096; that with
//	the higher count counts, and a new one is written over the other (its place:
//	count mod 2)
//	 0  "WAYPOS\r\n"
//	 8  u32 version, 1
//	12  u32 number of islands, up to 14
//	16  u64 count
//	24  u64 number of the oldest record that is not acknowledged
//	32  u64 weight of all records before that
//	40  u64 number of the record that will be appended next
//	48  u64 weight of all records before that
//	56  u32 CRC of the islands
//	60  u32 CRC of bytes 0..59
//	64  islands of 32 bytes: stretches behind the oldest unacknowledged record
//	    that are acknowledged. Number of the first record and weight of all
//	    before it; the same of the first record behind them
//
// Of segments that begin with the same record, that with the highest rank has it:
// it is a copy, or one that could not be removed was before it.
//
// The salt is random, and its only purpose is that nobody who sends records can
// put bytes into them that look like a record's header.
//
// # Memory and time
//
// There is no index. In memory are some 150 bytes for each segment, and 16 for
// each record that was read and is not acknowledged, or was appended and not read
// yet (of these at most 16,384); Append and Next do not allocate. Open reads the
// position, each segment's header, and the records' headers of the last segment.
// What is written and read is taken out of the page cache behind the writer and
// the reader, since it counts as the memory of a container; on Linux only.
//
// # Goroutines
//
// All methods may be called from any goroutine. Calls of one method wait for each
// other, and DropOldest waits for Append and SavePosition. Nothing else waits
// while the disk works: Append, Next, Ack and Stats go on during a Sync. There are
// two exceptions. Append syncs by itself when 16 segments wait for it, and Ack and
// SkipTo read headers where more than 16,384 records were appended and not read.
package disklog
