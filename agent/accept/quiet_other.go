//go:build !linux || portable

package accept

import "net"

// quiet is Linux's.
type quiet struct{}

func newQuiet(net.Conn) *quiet { return nil }

func (*quiet) read([]byte, int) (int, error) { panic("there is none") }
