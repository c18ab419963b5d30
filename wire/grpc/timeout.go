package grpc

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// The units of a grpc-timeout, finest first.
var units = [...]struct {
	name byte
	size time.Duration
}{
	{'n', time.Nanosecond},
	{'u', time.Microsecond},
	{'m', time.Millisecond},
	{'S', time.Second},
	{'M', time.Minute},
	{'H', time.Hour},
}

// maxTimeout is the largest number in a grpc-timeout: it may have 8 digits.
const maxTimeout = 99_999_999

// EncodeTimeout makes a grpc-timeout, in the finest unit that holds it,
// rounded down: a server should not go on when its caller has left. A timeout
// that is not positive becomes the shortest that there is.
func EncodeTimeout(d time.Duration) string {
	d = max(d, 1)
	i := 0
	for d/units[i].size > maxTimeout {
		i++ // ends: no Duration has so many hours
	}
	return strconv.FormatInt(int64(d/units[i].size), 10) + string(units[i].name)
}

// ParseTimeout reads a grpc-timeout. One that is too long for Go becomes the
// longest.
func ParseTimeout(s string) (time.Duration, error) {
	if len(s) < 2 || len(s) > 9 {
		return 0, fmt.Errorf("grpc-timeout %q: want 1 to 8 digits and a unit", s)
	}
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 32)
	if err != nil {
		return 0, fmt.Errorf("grpc-timeout %q: want 1 to 8 digits and a unit", s)
	}
	for _, u := range units {
		if u.name == s[len(s)-1] {
			if n > uint64(math.MaxInt64/u.size) {
				return math.MaxInt64, nil
			}
			return time.Duration(n) * u.size, nil
		}
	}
	return 0, fmt.Errorf("grpc-timeout %q: unit must be one of n, u, m, S, M, H", s)
}
