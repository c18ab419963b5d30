// Package disklog keeps opaque records in crash-safe segments on disk.
package disklog
