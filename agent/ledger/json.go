package ledger

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// counts writes {"name":n,…} in the order of names.
func counts(names []string, values []uint64) []byte {
	b := []byte{'{'}
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, name)
		b = append(b, ':')
		b = strconv.AppendUint(b, values[i], 10)
	}
	return append(b, '}')
}

func readCounts(b []byte, names []string, values []uint64) error {
	var m map[string]uint64
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	for name, n := range m {
		i := slices.Index(names, name)
		if i < 0 {
			return fmt.Errorf("unknown reason %q", name)
		}
		values[i] = n
	}
	return nil
}
