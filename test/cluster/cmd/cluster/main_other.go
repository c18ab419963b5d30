//go:build !linux

// Cluster brings up a real Kubernetes on a Linux machine, for tests.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "cluster: it takes Linux: namespaces, control groups, and root")
	os.Exit(1)
}
