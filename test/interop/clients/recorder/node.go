package recorder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
)

// nodeFolder holds the program that tells Node's client, seen from the module's folder.
const nodeFolder = "record/node"

// tellNode has Jaeger's client for Node say the story. It is installed if it is not there yet.
func tellNode(address string, services []scenario.Service) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if err := installNode(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotHere, err)
	}
	story, err := json.Marshal(nodeServices(services))
	if err != nil {
		return err
	}
	node := exec.Command("node", "record.js", host, port)
	node.Dir, node.Stdin, node.Stderr = nodeFolder, bytes.NewReader(story), os.Stderr
	if err := node.Run(); err != nil {
		return fmt.Errorf("node record.js: %w", err)
	}
	return nil
}

func installNode() error {
	wanted, err := os.Stat(filepath.Join(nodeFolder, "package-lock.json"))
	if err != nil {
		return err
	}
	// npm writes this file at the end of an installation.
	have, err := os.Stat(filepath.Join(nodeFolder, "node_modules", ".package-lock.json"))
	if err == nil && have.ModTime().After(wanted.ModTime()) {
		return nil
	}
	install := exec.Command("npm", "ci", "--silent", "--no-progress")
	install.Dir, install.Stderr = nodeFolder, os.Stderr
	if err := install.Run(); err != nil {
		return fmt.Errorf("npm ci in %s: %w", nodeFolder, err)
	}
	return nil
}

type (
	nodeService struct {
		Name  string     `json:"name"`
		Tags  []nodeTag  `json:"tags"`
		Spans []nodeSpan `json:"spans"`
	}
	nodeTag struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
	}
	nodeSpan struct {
		Trace    string      `json:"trace"`
		ID       string      `json:"id"`
		Parent   string      `json:"parent,omitempty"`
		Name     string      `json:"name"`
		Kind     string      `json:"kind"`
		Start    float64     `json:"start"`    // ms since 1970
		Duration float64     `json:"duration"` // ms
		Tags     []nodeTag   `json:"tags"`
		Events   []nodeEvent `json:"events"`
		Follows  []nodeLink  `json:"follows"`
		Failed   bool        `json:"failed"`
	}
	nodeEvent struct {
		Time float64   `json:"time"` // ms since 1970
		Name string    `json:"name"`
		Tags []nodeTag `json:"tags"`
	}
	nodeLink struct {
		Trace string `json:"trace"`
		ID    string `json:"id"`
	}
)

func nodeServices(services []scenario.Service) []nodeService {
	var list []nodeService
	for _, s := range services {
		n := nodeService{Name: s.Name, Tags: nodeTags(s.Tags)}
		for _, span := range s.Spans {
			n.Spans = append(n.Spans, nodeSpanOf(span))
		}
		list = append(list, n)
	}
	return list
}

func nodeSpanOf(s scenario.Span) nodeSpan {
	n := nodeSpan{
		Trace: nodeTrace(s.Trace), ID: fmt.Sprintf("%016x", s.ID), Name: s.Name, Kind: s.Kind, Failed: s.Failed,
		Start: milliseconds(s.Start), Duration: float64(s.Duration.Microseconds()) / 1000, Tags: nodeTags(s.Tags),
	}
	if s.Parent != 0 {
		n.Parent = fmt.Sprintf("%016x", s.Parent)
	}
	for _, e := range s.Events {
		n.Events = append(n.Events, nodeEvent{Time: milliseconds(e.Time), Name: e.Name, Tags: nodeTags(e.Tags)})
	}
	for _, l := range s.Follows {
		n.Follows = append(n.Follows, nodeLink{Trace: nodeTrace(l.Trace), ID: fmt.Sprintf("%016x", l.ID)})
	}
	return n
}

func milliseconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1000 }

func nodeTrace(t scenario.TraceID) string { return fmt.Sprintf("%016x%016x", t.High, t.Low) }

func nodeTags(tags []scenario.Tag) []nodeTag {
	var list []nodeTag
	for _, tag := range tags {
		switch v := tag.Value.(type) {
		case []byte:
			list = append(list, nodeTag{tag.Key, map[string][]byte{"bytes": v}})
		case []string:
		default:
			list = append(list, nodeTag{tag.Key, v})
		}
	}
	return list
}
