package zstd

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// pack packs as a server does, with one writer of the library's levels.
func pack(t testing.TB, text []byte, level zstd.EncoderLevel, stream bool) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if !stream {
		return w.EncodeAll(text, nil)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// texts take every way there is: nothing, one byte, words that come again, long
// matches, several blocks, few and all values of a byte.
func texts() map[string][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	noise := func(n, values int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.IntN(values))
		}
		return b
	}
	var words strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&words, "span %d of trace %d was refused: ", i, random.IntN(1000))
	}
	skewed := noise(5000, 256)
	for i := range skewed {
		if random.IntN(3) > 0 {
			skewed[i] = byte(random.ExpFloat64() * 8)
		}
	}
	all := map[string][]byte{
		"nothing": nil, "a byte": {7}, "an answer": []byte("\n\x30\x08\x05\x12\x2cfive spans were refused: the tenant is over its quota"),
		"zeros": make([]byte, 300_000), "words": []byte(words.String()), "skewed": skewed,
		"few values": noise(3000, 3), "all values": noise(200_000, 256), "half of them": noise(20_000, 120),
	}
	for _, n := range []int{2, 10, 50, 100, 200, 500, 1000, 2000, 10_000, 70_000} {
		all[fmt.Sprintf("%d bytes of words", n)] = []byte(words.String())[:n]
		all[fmt.Sprintf("%d bytes of noise", n)] = noise(n, 20)
	}
	return all
}

func TestDecodesWhatTheLibraryPacks(t *testing.T) {
	for name, text := range texts() {
		for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedDefault, zstd.SpeedBetterCompression, zstd.SpeedBestCompression} {
			for _, stream := range []bool{false, true} {
				packed := pack(t, text, level, stream)
				got, err := Decode(packed, len(text))
				if err != nil || !bytes.Equal(got, text) {
					t.Errorf("%s, %v, stream %v: %d bytes of %d, %v", name, level, stream, len(got), len(text), err)
				}
				if _, err := Decode(packed, len(text)-1); len(text) > 0 && !errors.Is(err, ErrTooLarge) {
					t.Errorf("%s, %v: one byte more than is wanted: %v", name, level, err)
				}
			}
		}
	}
}

// Frames follow each other, and some are to be skipped.
func TestDecodesSeveralFrames(t *testing.T) {
	one := pack(t, []byte("one "), zstd.SpeedDefault, false)
	skip := []byte("\x5a\x2a\x4d\x18\x03\x00\x00\x00abc")
	got, err := Decode(bytes.Join([][]byte{one, skip, one}, nil), 100)
	if err != nil || string(got) != "one one " {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWhatIsCutOffIsMalformed(t *testing.T) {
	packed := pack(t, texts()["words"][:3000], zstd.SpeedDefault, false)
	for n := 1; n < len(packed); n++ {
		if got, err := Decode(packed[:n], 1<<20); err == nil {
			t.Errorf("%d bytes of %d are %q", n, len(packed), got)
		}
	}
}

// Whatever comes is understood as the library does, or refused, within the limit.
func FuzzDecode(f *testing.F) {
	for _, text := range texts() {
		if len(text) < 3000 {
			f.Add(pack(f, text, zstd.SpeedDefault, false))
			f.Add(pack(f, text, zstd.SpeedBestCompression, true))
		}
	}
	const limit = 64 << 10
	reader, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.IgnoreChecksum(true), zstd.WithDecoderMaxMemory(1<<20))
	if err != nil {
		f.Fatal(err)
	}
	defer reader.Close()
	f.Fuzz(func(t *testing.T, packed []byte) {
		got, err := Decode(packed, limit)
		if len(got) > limit {
			t.Fatalf("%d bytes", len(got))
		}
		want, wrong := reader.DecodeAll(packed, nil)
		if err == nil && wrong == nil && !bytes.Equal(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}
		if wrong == nil && len(want) <= limit && err != nil {
			t.Errorf("%v, where the library has %q", err, want)
		}
	})
}
