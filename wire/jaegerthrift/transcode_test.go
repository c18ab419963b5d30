package jaegerthrift

import (
	"encoding/hex"
	"testing"

	"github.com/wayside-tracing/wayside/wire/otlp"
)

func TestTranscodeGolden(t *testing.T) {
	for name, vector := range map[string]string{"compact": goldenCompact, "binary": goldenBinary, "binary-old": goldenBinaryOld} {
		p, err := hex.DecodeString(vector)
		if err != nil {
			t.Fatal(err)
		}
		var tr Transcoder
		res, err := tr.Packet(p)
		if err != nil {
			t.Fatal(name, err)
		}
		t.Logf("%x", res.Frames[0].Bytes)
		n, err := otlp.Check(res.Frames[0].Bytes)
		if err != nil || n != 1 {
			t.Errorf("%s: Check: %d, %v", name, n, err)
		}
	}
}
