// Command record tells the story of package scenario to the real clients and keeps the datagrams that they send in
// test/interop/testdata/recorded, one a file. Run it in test/interop/clients, after a change of the story or of a client:
//
//	go run ./record
//
// Node's client is installed by npm; where there is no npm its recordings stay as they are, and the command says so.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wayside-tracing/wayside/test/interop/clients/node"
	"github.com/wayside-tracing/wayside/test/interop/clients/recorder"
)

func main() {
	if err := run(filepath.Join("..", "testdata", "recorded")); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

func run(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, client := range recorder.Clients {
		datagrams, err := client.Record()
		if errors.Is(err, node.ErrNotHere) {
			fmt.Fprintf(os.Stderr, "\n!!! NOT RECORDED: %s: %v\n!!! Its recordings stay as they are.\n\n", client.Name, err)
			continue
		}
		if err != nil {
			return err
		}
		old, err := filepath.Glob(filepath.Join(folder, client.Name+"-*.bin"))
		if err != nil {
			return err
		}
		for _, file := range old {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
		for i, datagram := range datagrams {
			file := filepath.Join(folder, fmt.Sprintf("%s-%d.bin", client.Name, i+1))
			if err := os.WriteFile(file, datagram, 0o644); err != nil {
				return err
			}
			fmt.Printf("%s: %d bytes\n", file, len(datagram))
		}
	}
	return nil
}
