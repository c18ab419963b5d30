// Package faultfs is a file system in memory for tests of what is built on
// disklog. It can fail, be slow and full, and lose what a power failure loses.
//
//	fsys := faultfs.New()
//	l, _, err := disklog.Open("/log", disklog.Options{FS: fsys})
//	...
//	after := fsys.Crash(rng) // what a disk would hold if the power failed now
//	l2, rec, err := disklog.Open("/log", disklog.Options{FS: after})
//
// What it assumes of a disk is what POSIX promises, and no more:
//
//   - Data is on it after Sync of the file, a name after SyncDir of the directory.
//     Of everything else any part may be there, by sectors of 512 bytes and by
//     single operations on a directory, in no order. A rename happens or not.
//   - After a Sync that failed, what was to be synced is in the page cache, or
//     not even there (Fault.Evict), and no later Sync brings it to the disk. So it
//     is with FinishWrite, and the next Sync does not tell of it.
package faultfs
