package disklog_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/disklog"
)

// pendings are a batch as the agent writes it, prepared once.
func pendings(n, size int) []disklog.Pending {
	recs := make([]disklog.Pending, n)
	for i := range recs {
		recs[i] = disklog.Pending{Weight: 20, Time: time.Unix(1, 0), Data: [][]byte{make([]byte, size)}}
	}
	return recs
}

// Neither appending nor reading allocates, beyond what a new segment takes.
func TestHotPathDoesNotAllocate(t *testing.T) {
	l, _, err := disklog.Open(t.TempDir(), disklog.Options{SegmentBytes: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	recs := pendings(8, 1000)
	var buf []byte
	do := func() {
		first, err := l.Append(recs...)
		if err != nil {
			t.Fatal(err)
		}
		for range recs {
			r, err := l.Next(buf)
			if err != nil {
				t.Fatal(err)
			}
			buf = r.Data
		}
		l.Ack(first, first+uint64(len(recs))-1)
		l.Stats()
	}
	for range 100 {
		do()
	}
	if n := testing.AllocsPerRun(500, do); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1_000, 8_000, 64_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l, _, err := disklog.Open(b.TempDir(), disklog.Options{SegmentBytes: 4 << 20})
			if err != nil {
				b.Fatal(err)
			}
			recs := pendings(1, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				seq, err := l.Append(recs...)
				if err != nil {
					b.Fatal(err)
				}
				if n += size; n > 16<<20 { // what is on the disk stays small
					b.StopTimer()
					l.Ack(0, seq)
					if err := l.Sync(); err != nil {
						b.Fatal(err)
					}
					if err := l.SavePosition(); err != nil {
						b.Fatal(err)
					}
					n = 0
					b.StartTimer()
				}
			}
		})
	}
}

func BenchmarkNext(b *testing.B) {
	for _, size := range []int{1_000, 8_000, 64_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			dir := b.TempDir()
			fill(b, dir, 64<<20, size)
			var buf []byte
			l := reopen(b, dir)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				r, err := l.Next(buf)
				if errors.Is(err, io.EOF) {
					b.StopTimer()
					l = reopen(b, dir)
					b.StartTimer()
					continue
				}
				if err != nil {
					b.Fatal(err)
				}
				buf = r.Data
			}
		})
	}
}

// BenchmarkOpen opens a full log of 512 MiB and reads its first record.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	fill(b, dir, 512<<20, 8_000)
	for b.Loop() {
		l := reopen(b, dir)
		if _, err := l.Next(nil); err != nil {
			b.Fatal(err)
		}
	}
}

func fill(b *testing.B, dir string, bytes, size int) {
	b.Helper()
	l, _, err := disklog.Open(dir, disklog.Options{SegmentBytes: 1 << 20})
	if err != nil {
		b.Fatal(err)
	}
	recs := pendings(8, size)
	for n := 0; n < bytes; n += 8 * size {
		if _, err := l.Append(recs...); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

// reopen leaves the old log to the garbage collector: it has nothing to save.
func reopen(b *testing.B, dir string) *disklog.Log {
	b.Helper()
	l, _, err := disklog.Open(dir, disklog.Options{SegmentBytes: 1 << 20})
	if err != nil {
		b.Fatal(err)
	}
	return l
}
