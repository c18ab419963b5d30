package recorder

import (
	"net"

	"github.com/wayside-tracing/wayside/test/interop/clients/node"
	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
)

// nodeFolder holds the program that tells Node's client, seen from the module's folder.
const nodeFolder = "record/node"

// tellNode has Jaeger's client for Node say the story.
func tellNode(address string, services []scenario.Service) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	story, err := scenario.JSON(services)
	if err != nil {
		return err
	}
	_, err = node.Run(nodeFolder, "record.js", story, host, port)
	return err
}
