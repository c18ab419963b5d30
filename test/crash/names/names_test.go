package names

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"testing"
)

// Go's resolver understands the answers, and sees them change.
func TestResolver(t *testing.T) {
	s, err := Serve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", s.Address())
	}}
	for _, want := range []string{"127.0.0.2", "127.0.0.3"} {
		s.Set(netip.MustParseAddr(want))
		got, err := resolver.LookupHost(t.Context(), "collector.test.")
		if err != nil || !slices.Equal(got, []string{want}) {
			t.Errorf("%v, %v; want %s", got, err, want)
		}
	}
	s.Set()
	if got, err := resolver.LookupHost(t.Context(), "collector.test."); err == nil {
		t.Errorf("a name that does not exist has %v", got)
	}
	if s.Asked() == 0 {
		t.Error("it was asked nothing")
	}
}
