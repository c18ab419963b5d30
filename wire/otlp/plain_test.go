package otlp

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestPlain(t *testing.T) {
	for name, c := range map[string]struct {
		kv   string
		want bool
	}{
		"string":                 {"\n\x01k\x12\x03\n\x01v", true},
		"empty string":           {"\n\x01k\x12\x02\n\x00", true},
		"no key":                 {"\n\x00\x12\x02\n\x00", true},
		"int":                    {"\n\x01k\x12\x02\x18\x05", true},
		"largest int":            {"\n\x01k\x12\x0a\x18\xff\xff\xff\xff\xff\xff\xff\xff\x7f", true},
		"negative int":           {"\n\x01k\x12\x0b\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", false},
		"int that does not end":  {"\n\x01k\x12\x02\x18\x85", false},
		"two ints":               {"\n\x01k\x12\x04\x18\x05\x18\x05", false},
		"bool":                   {"\n\x01k\x12\x02\x10\x01", true},
		"double":                 {"\n\x01k\x12\x09\x2112345678", true},
		"double, cut off":        {"\n\x01k\x12\x08\x211234567", false},
		"key is not UTF-8":       {"\n\x01\xff\x12\x03\n\x01v", false},
		"key of an int is not":   {"\n\x01\xff\x12\x02\x18\x05", false},
		"key of a double is not": {"\n\x01\xff\x12\x09\x2112345678", false},
		"value is not UTF-8":     {"\n\x01k\x12\x03\n\x01\xff", false},
		"UTF-8":                  {"\n\x02\xc3\xa4\x12\x04\n\x02\xc3\xa4", true},
		"value first":            {"\x12\x03\n\x01v\n\x01k", false},
		"no value":               {"\n\x01k", false},
		"empty value":            {"\n\x01k\x12\x00", false},
		"something after it":     {"\n\x01k\x12\x03\n\x01v\x18\x01", false},
		"string is cut off":      {"\n\x01k\x12\x03\n\x02v", false},
		"a list":                 {"\n\x01k\x12\x02\x2a\x00", false},
		"long key":               {"\n\x80\x01" + strings.Repeat("k", 128) + "\x12\x03\n\x01v", false},
		"nothing":                {"", false},
	} {
		if got := plain([]byte(c.kv)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What is taken for plain is what the whole check would have passed.
func TestPlainPassesTheCheck(t *testing.T) {
	begin := [][]byte{
		[]byte("\n\x03key\x12\x07\n\x05value"), []byte("\n\x03key\x12\x05\x18\xff\xff\xff\x01"),
		[]byte("\n\x03key\x12\x02\x10\x01"), []byte("\n\x03key\x12\x09\x2112345678"),
	}
	yes := 0
	for range 300_000 {
		kv := append([]byte(nil), begin[rand.IntN(len(begin))]...)
		for range rand.IntN(4) {
			switch i := rand.IntN(len(kv)); rand.IntN(3) {
			case 0:
				kv[i] ^= 1 << rand.IntN(8)
			case 1:
				kv[i] = byte(rand.IntN(256))
			case 2:
				kv = append(kv[:i], kv[min(i+1, len(kv)-1):]...)
			}
		}
		if !plain(kv) {
			continue
		}
		yes++
		if err := new(checker).message(kv, msgKeyValue, 0); err != nil {
			t.Fatalf("%x: %v", kv, err)
		}
	}
	if yes < 10_000 {
		t.Errorf("only %d were plain", yes)
	}
}
