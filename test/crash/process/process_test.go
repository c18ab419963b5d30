package process

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/agent/ledger"
)

// The ledger's last line is read as it was written; a reason that is not told
// is found missing.
func TestLedgerIsReadAsItWasWritten(t *testing.T) {
	want := ledger.Account{
		Accepted: 10, Recovered: 2, Delivered: 6, Buffered: 1, Dropped: ledger.Drops{ledger.Rejected: 2, ledger.Shutdown: 3},
		Refused: ledger.Refusals{ledger.QueueFull: 4}, KernelDrops: 5,
	}
	var line bytes.Buffer
	slog.New(slog.NewJSONHandler(&line, nil)).Warn("ledger", slog.String("lane", "default"), slog.Any("", want))
	got, err := readLedger(line.String())
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	cut := bytes.Replace(line.Bytes(), []byte("dropped_rejected"), []byte("dropped_somehow"), 1)
	if _, err := readLedger(string(cut)); err == nil {
		t.Error("a reason is missing, and that is not found")
	}
}

func TestSettingsOverrideDefaults(t *testing.T) {
	b, err := Settings{"deliver.endpoint": "c:4317", "deliver.batch.age": "1s"}.text()
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Deliver struct {
			Endpoint, Compression string
			Batch                 struct{ Age string }
		}
	}
	if err := json.Unmarshal(b, &read); err != nil {
		t.Fatal(err)
	}
	if d := read.Deliver; d.Endpoint != "c:4317" || d.Compression != "none" || d.Batch.Age != "1s" {
		t.Errorf("%s", b)
	}
}

// Every key that is set by default is one of the agent's.
func TestDefaultsAreKeys(t *testing.T) {
	known := map[string]bool{}
	for k := range config.Keys {
		known[k.Path] = true
	}
	for key := range defaults() {
		if !known[key] {
			t.Errorf("%s is not a key of the agent", key)
		}
	}
}
