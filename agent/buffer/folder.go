package buffer

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wayside-tracing/wayside/disklog"
)

// folder is a lane's directory of one process. Its lock says that the process
// lives; who gets the lock of another one's may take over what is in it.
//
//	PATH/default/20261125T213000Z-5f0c2a91/lock
//	                                      /answered/  a disklog
//	                                      /datagram/  a disklog
type folder struct {
	path string
	lock *disklog.Lock
	logs [2]*disklog.Log // in the order of Lane.queues
	left int             // logs that are not drained, of an adopted one; the store's lock guards it
}

// recovered is what was found in a folder: spans, by queue.
type recovered [2]int

func (r recovered) sum() int { return r[0] + r[1] }

// openFolder locks a folder, which is made if it is not there, and opens its
// logs. An error leaves what was there as it was.
func openFolder(path string, opt disklog.Options) (*folder, recovered, error) {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, recovered{}, err
	}
	lock, err := disklog.LockDir(path)
	if err != nil {
		return nil, recovered{}, err
	}
	f := &folder{path: path, lock: lock, left: len(queueNames)}
	var found recovered
	for i, name := range queueNames {
		log, r, err := disklog.Open(filepath.Join(path, name), opt)
		if err != nil {
			for _, l := range f.logs[:i] {
				_ = l.Close() // nothing was written to it
			}
			_ = lock.Unlock()
			return nil, recovered{}, err
		}
		f.logs[i], found[i] = log, int(r.Weight)
	}
	return f, found, nil
}

// close closes a folder; one that is empty is removed.
func (f *folder) close(log *slog.Logger) {
	if f.logs[0].Stats().Records+f.logs[1].Stats().Records > 0 {
		for _, l := range f.logs {
			f.tell(log, l.Close())
		}
		f.tell(log, f.lock.Unlock())
		return
	}
	for _, l := range f.logs {
		f.tell(log, l.Remove())
	}
	f.remove(log)
}

func (f *folder) tell(log *slog.Logger, err error) {
	if err != nil && !errors.Is(err, disklog.ErrClosed) {
		log.Warn("closing a folder of the disk buffer", "path", f.path, "error", err)
	}
}

// remove removes a folder whose logs have been removed.
func (f *folder) remove(log *slog.Logger) {
	f.tell(log, f.lock.Remove())
}

// makeDirs makes a directory and those above it.
func makeDirs(path string) error { return os.MkdirAll(path, 0o700) }

// folders are those of a lane, the oldest first. Others are none of its business.
func folders(path string) ([]string, error) {
	entries, err := os.ReadDir(path) // sorted by name, which begins with a time
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []string
	for _, e := range entries {
		if e.IsDir() && isFolder(e.Name()) {
			list = append(list, filepath.Join(path, e.Name()))
		}
	}
	return list, err
}

// newPath names a folder: when it was made, and what no other one has.
func newPath(path string) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // it never fails
	return filepath.Join(path, time.Now().UTC().Format(folderTime)+"-"+hex.EncodeToString(b[:]))
}

const folderTime = "20060102T150405Z"

// isFolder reports whether newPath could have given a name.
func isFolder(name string) bool {
	made, random, _ := strings.Cut(name, "-")
	_, err := time.Parse(folderTime, made)
	b, err2 := hex.DecodeString(random)
	return err == nil && err2 == nil && len(b) == 4
}
