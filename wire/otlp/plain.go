package otlp

// plain says that a KeyValue is what nearly all are: a key of up to 127 bytes,
// and then a value that is a short string or a number, each field once and in
// the order in which encoders write them. Such a one needs no further check.
// Nothing is said of others. Attributes are most of a span, and to check is most
// of what a large request costs: this halves it.
func plain(kv []byte) bool {
	const tag = 1<<3 | wireBytes // of KeyValue.key, and of AnyValue.string_value
	if len(kv) < 2 || kv[0] != tag || kv[1] >= 0x80 {
		return false
	}
	at := 2 + int(kv[1])
	if at+2 > len(kv) || kv[at] != KeyValueValue<<3|wireBytes || kv[at+1] >= 0x80 || int(kv[at+1]) != len(kv)-at-2 {
		return false
	}
	value := kv[at+2:]
	if len(value) < 2 {
		return false
	}
	switch value[0] {
	case tag:
		// If all of kv is ASCII, then the two strings in it are.
		return value[1] < 0x80 && int(value[1]) == len(value)-2 && (ascii(kv) || Valid(kv[2:at]) && Valid(value[2:]))
	case AnyInt<<3 | wireVarint, AnyBool<<3 | wireVarint:
		// Up to nine bytes, whatever is in them, are no more than 63 bits.
		last := len(value) - 1
		for _, b := range value[1:last] {
			if b < 0x80 {
				return false
			}
		}
		return last <= 9 && value[last] < 0x80 && Valid(kv[2:at])
	case AnyDouble<<3 | wireFixed64:
		return len(value) == 9 && Valid(kv[2:at])
	}
	return false
}
