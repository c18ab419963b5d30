package sdk

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wayside-tracing/wayside/test/interop/clients/node"
	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
)

// nodeFolder holds the program that tells Node's SDK, seen from the module's folder.
const nodeFolder = "sdk/node"

// Here says whether the client can be run on this machine; the error is node.ErrNotHere if not.
func (c Client) Here() error {
	if !c.Node {
		return nil
	}
	return node.Install(nodeFolder)
}

func tellNode(exporter string) func(Target, []scenario.Service) (Retries, error) {
	return func(to Target, services []scenario.Service) (Retries, error) {
		story, err := scenario.JSON(services)
		if err != nil {
			return nil, err
		}
		url, compression, credentials := "http://"+to.Address, "none", Credentials{}
		if path, ok := strings.CutPrefix(to.Address, "unix:"); ok {
			url = "unix://" + path
		}
		if to.TLS != nil {
			url, credentials = "https://"+to.Address, *to.TLS
		}
		if to.Gzip {
			compression = "gzip"
		}
		log, err := node.Program{
			Folder: nodeFolder, Script: "tell.js",
			Args: []string{exporter, url, compression, credentials.CA, credentials.Cert, credentials.Key},
		}.Run(story)
		if err != nil {
			return nil, fmt.Errorf("exporter %s: %w", exporter, err)
		}
		return retries(log)
	}
}

// scheduled is what the SDK says of a retry: otlp-exporter-base's src/retrying-transport.ts.
var scheduled = regexp.MustCompile(`Scheduling export retry in (\d+)ms`)

func retries(log string) (list Retries, err error) {
	for _, m := range scheduled.FindAllStringSubmatch(log, -1) {
		ms, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, err
		}
		list = append(list, time.Duration(ms)*time.Millisecond)
	}
	return list, nil
}
