package control

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
)

// strategies is a file that gives every service this rate.
func strategies(rate float64) string {
	return fmt.Sprintf(`{"default_strategy": {"type": "probabilistic", "param": %v}}`, rate)
}

// put writes a file as if it were written now, in the time of the test's bubble.
func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
}

// expectFile asks a file; a rate of 0 is an error.
func expectFile(t *testing.T, f *file, rate float64, stale bool) {
	t.Helper()
	s, isStale, err := f.strategy(t.Context(), "shop")
	got := 0.0
	if err == nil {
		got = s.Probabilistic.Rate
	}
	if got != rate || isStale != stale {
		t.Errorf("the rate is %v, stale %v (%v), want %v, %v", got, isStale, err, rate, stale)
	}
}

// watched runs a test of a file in a bubble of its own time.
func watched(t *testing.T, text string, test func(t *testing.T, path string, f *file, log *bytes.Buffer)) {
	path := filepath.Join(t.TempDir(), "strategies.json")
	synctest.Test(t, func(t *testing.T) {
		if text != "" {
			put(t, path, text)
		}
		var log bytes.Buffer
		f := newFile(path, slog.New(slog.NewTextHandler(&log, nil)))
		defer f.close()
		test(t, path, f, &log)
	})
}

func TestAChangedFileIsTakenUp(t *testing.T) {
	watched(t, strategies(0.5), func(t *testing.T, path string, f *file, log *bytes.Buffer) {
		expectFile(t, f, 0.5, false)
		time.Sleep(time.Minute)
		put(t, path, strategies(0.25))
		expectFile(t, f, 0.5, false) // it may still be being written
		time.Sleep(lookEvery)
		expectFile(t, f, 0.25, false)
		if n := strings.Count(log.String(), "are in force"); n != 2 {
			t.Errorf("%d times in force:\n%s", n, log)
		}
		if st := f.status(); st.State != ledger.SamplingOK || st.Requests != 2 || st.Failures != 0 || st.Services != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// A file that grows at each look is not taken before it stays as it is.
func TestAFileThatIsBeingWrittenIsNotTaken(t *testing.T) {
	watched(t, strategies(0.5), func(t *testing.T, path string, f *file, _ *bytes.Buffer) {
		for i := range 20 {
			time.Sleep(lookEvery)
			put(t, path, `{"default_strategy": `+strings.Repeat(" ", i))
			expectFile(t, f, 0.5, false)
		}
		put(t, path, strategies(0.75))
		time.Sleep(lookEvery)
		expectFile(t, f, 0.75, false)
	})
}

func TestABadFileKeepsTheOldOne(t *testing.T) {
	watched(t, strategies(0.5), func(t *testing.T, path string, f *file, log *bytes.Buffer) {
		put(t, path, `{"default_strategy": {"type": "probabilistic", "param": }}`)
		for range 5 {
			time.Sleep(2 * lookEvery)
			f.strategy(t.Context(), "shop")
		}
		expectFile(t, f, 0.5, true)
		if n := strings.Count(log.String(), "the old ones stay in force"); n != 1 || !strings.Contains(log.String(), "not a number at byte") {
			t.Errorf("it is said %d times:\n%s", n, log)
		}
		if st := f.status(); st.State != ledger.SamplingFailing || !strings.Contains(st.LastError, path) || st.Failures != 1 {
			t.Errorf("%+v", st)
		}
		put(t, path, strategies(0.1))
		time.Sleep(2 * lookEvery)
		f.strategy(t.Context(), "")
		time.Sleep(2 * lookEvery)
		expectFile(t, f, 0.1, false)
	})
}

func TestAFileThatIsNotThereAtTheStart(t *testing.T) {
	watched(t, "", func(t *testing.T, path string, f *file, log *bytes.Buffer) {
		expectFile(t, f, 0, false)
		if st := f.status(); st.State != ledger.SamplingFailing || !strings.Contains(st.LastError, "no such file") {
			t.Errorf("%+v", st)
		}
		put(t, path, strategies(0.5))
		time.Sleep(2 * lookEvery)
		expectFile(t, f, 0.5, false)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * lookEvery)
		expectFile(t, f, 0.5, true)
		if !strings.Contains(log.String(), "tracers keep to their own") || !strings.Contains(log.String(), "stay in force") {
			t.Errorf("the log:\n%s", log)
		}
	})
}

// A file that was away and comes back as it was is in force again.
func TestAFileThatComesBack(t *testing.T) {
	watched(t, strategies(0.5), func(t *testing.T, path string, f *file, _ *bytes.Buffer) {
		if err := os.Rename(path, path+"~"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * lookEvery)
		expectFile(t, f, 0.5, true)
		if err := os.Rename(path+"~", path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * lookEvery)
		expectFile(t, f, 0.5, false)
	})
}

// Kubernetes swaps a symbolic link to a folder when a ConfigMap changes.
func TestSwappedLinks(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		version := func(name string, rate float64) {
			if err := os.Mkdir(filepath.Join(folder, name), 0o755); err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Join(folder, name, "strategies.json"), strategies(rate))
			if err := os.Symlink(name, filepath.Join(folder, "..data_tmp")); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(folder, "..data_tmp"), filepath.Join(folder, "..data")); err != nil {
				t.Fatal(err)
			}
		}
		version("..1", 0.5)
		path := filepath.Join(folder, "strategies.json")
		if err := os.Symlink("..data/strategies.json", path); err != nil {
			t.Fatal(err)
		}
		f := newFile(path, slog.New(slog.DiscardHandler))
		expectFile(t, f, 0.5, false)
		version("..2", 0.9) // of the same size, and perhaps of the same second
		time.Sleep(2 * lookEvery)
		f.strategy(t.Context(), "")
		time.Sleep(2 * lookEvery)
		expectFile(t, f, 0.9, false)
	})
}

// SIGHUP reads the file at once, also one whose time and size are as they were.
func TestRefreshReadsAtOnce(t *testing.T) {
	watched(t, strategies(0.5), func(t *testing.T, path string, f *file, _ *bytes.Buffer) {
		put(t, path, strategies(0.6))
		expectFile(t, f, 0.5, false)
		f.refresh()
		expectFile(t, f, 0.6, false)
	})
}

func TestWhatIsNoFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		f := newFile(folder, slog.New(slog.DiscardHandler))
		if _, _, err := f.strategy(t.Context(), "shop"); err == nil || !strings.Contains(err.Error(), "is not a file") {
			t.Errorf("%v", err)
		}
		large := filepath.Join(folder, "large")
		put(t, large, strings.Repeat(" ", maxFile)+"{}")
		f = newFile(large, slog.New(slog.DiscardHandler))
		if _, _, err := f.strategy(t.Context(), "shop"); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
			t.Errorf("%v", err)
		}
	})
}

func TestWarningsAreToldButNotAllOfMany(t *testing.T) {
	var services []string
	for i := range 30 {
		services = append(services, fmt.Sprintf(`{"service": "s%d", "type": "const", "param": 1}`, i))
	}
	watched(t, `{"service_strategies": [`+strings.Join(services, ",")+`]}`, func(t *testing.T, _ string, f *file, log *bytes.Buffer) {
		if n := strings.Count(log.String(), "level=WARN"); n != maxWarnings+1 || !strings.Contains(log.String(), `service \"s3\" has type \"const\"`) {
			t.Errorf("%d warnings:\n%s", n, log)
		}
		if st := f.status(); st.Services != 30 {
			t.Errorf("%+v", st)
		}
	})
}
