package recorder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/uber/jaeger-client-go/thrift"
	"github.com/uber/jaeger-client-go/thrift-gen/agent"

	"github.com/wayside-tracing/wayside/test/interop/clients/node"
)

// The recordings are what the clients still send: telling them the story again gives the same batches, but for the name
// of the machine and, from Node, a random client-uuid.
func TestRecordingsAreFresh(t *testing.T) {
	t.Chdir("..") // the module's folder
	for _, client := range Clients {
		t.Run(client.Name, func(t *testing.T) {
			fresh, err := client.Record()
			if errors.Is(err, node.ErrNotHere) {
				t.Skipf("NOT RECORDED AGAIN: %v; the committed recordings are used all the same", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(filepath.Join("..", "testdata", "recorded", client.Name+"-*.bin"))
			if err != nil || len(files) != len(fresh) {
				t.Fatalf("%d recordings, %d datagrams (%v): go run ./record", len(files), len(fresh), err)
			}
			for i, datagram := range fresh {
				recorded, err := os.ReadFile(filepath.Join("..", "testdata", "recorded", fmt.Sprintf("%s-%d.bin", client.Name, i+1)))
				if err != nil {
					t.Fatal(err)
				}
				want, got := strings.Split(read(t, recorded), "\n"), strings.Split(read(t, datagram), "\n")
				for n := range min(len(want), len(got)) {
					if want[n] != got[n] {
						t.Fatalf("datagram %d says %s, the recording %s (line %d); if that is right: go run ./record",
							i+1, got[n], want[n], n+1)
					}
				}
				if len(want) != len(got) {
					t.Errorf("datagram %d has %d lines, the recording %d", i+1, len(got), len(want))
				}
			}
		})
	}
}

func read(t *testing.T, datagram []byte) string {
	t.Helper()
	buffer := thrift.NewTMemoryBufferLen(len(datagram))
	buffer.Write(datagram)
	var p thrift.TProtocol = thrift.NewTCompactProtocol(buffer)
	if datagram[0] == 0x80 { // strict binary
		p = thrift.NewTBinaryProtocolTransport(buffer)
	}
	ctx := context.Background()
	name, kind, seq, err := p.ReadMessageBegin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var args agent.AgentEmitBatchArgs
	if err := args.Read(ctx, p); err != nil {
		t.Fatal(err)
	}
	batch := args.Batch
	for _, tag := range batch.Process.Tags {
		if tag.Key == "hostname" || tag.Key == "client-uuid" {
			tag.VStr = nil
		}
	}
	out, err := json.MarshalIndent(batch, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s, type %d, seq %d\n%s", name, kind, seq, out)
}
