package disklog_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/disklog"
)

func TestRecordsComeBack(t *testing.T) {
	dir := t.TempDir() + "/a/log"
	l, rec, err := disklog.Open(dir, disklog.Options{SegmentBytes: 1000})
	if err != nil || rec.Records != 0 {
		t.Fatal(rec, err)
	}
	for i := range 100 {
		seq, err := l.Append(disklog.Pending{Weight: uint64(i), Time: time.Unix(int64(i), 5), Data: [][]byte{[]byte("record "), fmt.Append(nil, i)}})
		if err != nil || seq != uint64(i) {
			t.Fatal(seq, err)
		}
	}
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		r, err := l.Next(nil)
		if err != nil || r.Seq != uint64(i) || r.Weight != uint64(i) || string(r.Data) != fmt.Sprint("record ", i) || !r.Time.Equal(time.Unix(int64(i), 5)) {
			t.Fatal(r, err)
		}
	}
	l.Ack(10, 20)
	l.Ack(0, 9)
	if err := l.SavePosition(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", l.Stats())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, rec, err = disklog.Open(dir, disklog.Options{SegmentBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", rec)
	if rec.Records != 79 || len(rec.Damage) != 0 {
		t.Errorf("%+v", rec)
	}
	for i := 21; i < 100; i++ {
		r, err := l.Next(nil)
		if err != nil || r.Seq != uint64(i) {
			t.Fatal(r, err)
		}
	}
	if _, err := l.Next(nil); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	l.Ack(21, 99)
	if err := l.Remove(); err != nil {
		t.Fatal(err)
	}
}
