// Package layout_test keeps the layout that ARCHITECTURE.md describes: which
// package may import which, what the agent's binary links, and which habits the
// code keeps. It is an ordinary test, so that the rules are found broken by
// `go test ./...` and not by a reader.
//
// rules_test.go is the table to change when a package is added; graph_test.go
// asks the go tool for the packages, checks_test.go compares the two, and
// bite_test.go breaks each rule on purpose and expects to be told.
package layout_test
