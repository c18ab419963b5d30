// Package header knows which headers can be sent to a collector, and reads them
// from a folder in which each file is one, as Kubernetes mounts a Secret.
package header

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// What is sent with every request takes up this much at most: gRPC's own limit
// for all headers of a call is 8 KiB in several languages.
const (
	Max      = 32      // headers
	MaxValue = 8 << 10 // bytes
)

// own headers are set by the agent or belong to a connection.
var own = []string{
	"connection", "content-encoding", "content-length", "content-type", "expect", "host", "keep-alive",
	"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
}

// CheckName takes a name in lower case that HTTP and gRPC both take (RFC 9110,
// section 5.6.2) and that the agent doesn't set itself. An error says what to do.
func CheckName(name string) error {
	switch {
	case name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.!#$%&'*+^`|~") != "":
		return errors.New("is not a header's name; write letters, digits and -, like x-tenant")
	case slices.Contains(own, name) || strings.HasPrefix(name, "grpc-"):
		return errors.New("is set by the agent itself; remove it")
	}
	return nil
}

// CheckValue takes what HTTP and gRPC both take: printable ASCII. An error says
// what to do, and does not repeat the value.
func CheckValue(s string) error {
	switch {
	case s == "":
		return errors.New("has an empty value; write one, or remove the header")
	case len(s) > MaxValue:
		return errors.New("has a value of more than 8KiB; check the file that it comes from")
	case strings.TrimSpace(s) != s:
		return errors.New("has a value with a space at an end; remove it")
	case strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) >= 0:
		return errors.New("has a value with other characters than printable ASCII; check for line breaks in it or in its file")
	}
	return nil
}

// Files are the names of a folder's files that are headers, sorted: all but
// folders and names that begin with a dot, behind which Kubernetes keeps the
// versions of a volume. Without the folder there is none. The names are not
// checked; more than Max are an error.
func Files(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && e.Name()[0] != '.' {
			names = append(names, e.Name())
		}
	}
	if len(names) > Max {
		return nil, fmt.Errorf("%s has %d files; a folder of headers has %d at most", folder, len(names), Max)
	}
	return names, nil
}

// Value is the value that a file's content stands for: without the spaces and
// line ends around it.
func Value(content []byte) string { return strings.TrimSpace(string(content)) }
