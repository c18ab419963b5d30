// Package version says which build this is, from what the Go linker records.
package version

import (
	"runtime"
	"runtime/debug"
	"sync"
)

// Info describes a build. What is not known is "".
type Info struct {
	Version  string // of the module: a tag, or a pseudo-version with the commit in it; "devel" when the linker had none
	Commit   string // whole hash, with "+dirty" when files had been changed
	Time     string // of the commit, RFC 3339
	Go       string
	Platform string // "linux/amd64"
}

// Read returns the Info of the running program.
func Read() Info { return running() }

// running parses what the linker wrote once: every status asks for it.
var running = sync.OnceValue(func() Info {
	i := Info{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return i
	}
	if v := build.Main.Version; v != "" && v != "(devel)" {
		i.Version = v
	}
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			i.Commit = s.Value + i.Commit
		case "vcs.modified":
			if s.Value == "true" {
				i.Commit += "+dirty"
			}
		case "vcs.time":
			i.Time = s.Value
		}
	}
	return i
})

// String is one line for `version` commands.
func (i Info) String() string { return i.Version + " (" + i.Go + ", " + i.Platform + ")" }
