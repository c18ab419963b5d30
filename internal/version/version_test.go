package version

import (
	"runtime"
	"testing"
)

func TestRead(t *testing.T) {
	v := Read()
	if v.Version == "" || v.Go != runtime.Version() || v.Platform != runtime.GOOS+"/"+runtime.GOARCH {
		t.Errorf("%+v", v)
	}
	if got, want := (Info{Version: "v1.2.3", Go: "go1.26", Platform: "linux/arm64"}).String(), "v1.2.3 (go1.26, linux/arm64)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
