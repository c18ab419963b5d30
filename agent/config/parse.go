package config

import (
	"errors"
	"net/netip"
)

// errElsewhere is for files of another machine, which cannot be looked into.
var errElsewhere = errors.New("is on another machine")

// Parse reads the configuration of an agent on another machine, for programs that
// write it. Variables are what env says. PEM files and folders of headers that it
// names are taken to be there and right; any other file, in a ${file:/path}, is an
// error. name is what errors call the text.
//
// What depends on the other machine is not looked at: whether an endpoint is one
// of its own addresses, apart from loopbacks.
func Parse(name string, text []byte, env func(string) (string, bool)) (*Config, error) {
	return load(Source{File: name}, host{
		lookupEnv: env,
		readFile: func(path string, _ int64) ([]byte, error) {
			if path == name {
				return text, nil
			}
			return nil, errElsewhere
		},
		headerFiles: func(string) ([]string, error) { return nil, nil },
		loopback6:   func() bool { return true },
		addresses:   func() []netip.Addr { return nil },
		hostname:    func() (string, error) { return "", errElsewhere },
	})
}

// ParseSize reads a size as the configuration has it, like 512MiB, in bytes. Each
// key has limits of its own.
func ParseSize(text string) (int64, error) { return parseSize(text) }
