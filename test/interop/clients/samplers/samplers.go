// Package samplers runs real samplers that ask an agent for their strategy.
package samplers

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"time"

	jaeger "github.com/uber/jaeger-client-go"
	"go.opentelemetry.io/contrib/samplers/jaegerremote"
	"go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/wayside-tracing/wayside/test/interop/clients/node"
)

// nodeFolder holds the program for Node, seen from the module's folder.
const nodeFolder = "samplers/node"

const (
	every    = 50 * time.Millisecond
	patience = 30 * time.Second
)

// Sampler is one that there is.
type Sampler struct {
	Name string
	Node bool
	// Await asks the agent at an address for the strategy of the service "shop" until the operation "always" is sampled and
	// "never" is not. What it begins with is the opposite.
	Await func(address string) error
}

// All are the samplers.
func All() []Sampler {
	return []Sampler{
		{"OpenTelemetry for Go", false, otel},
		{"jaeger-client-go", false, jaegerClient},
		{"OpenTelemetry for Node", true, inNode("otel")},
		{"jaeger-client for Node", true, inNode("jaeger")},
	}
}

// Here says whether the sampler can be run on this machine; the error is node.ErrNotHere if not.
func (s Sampler) Here() error {
	if !s.Node {
		return nil
	}
	return node.Install(nodeFolder)
}

// await waits until a sampler decides as it should.
func await(decide func(operation string) bool) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(every) {
		if decide("always") && !decide("never") {
			return nil
		}
	}
	return errors.New("the sampler does not decide as the strategy says")
}

func otel(address string) error {
	sampler := jaegerremote.New("shop", jaegerremote.WithSamplingServerURL("http://"+address+"/sampling"),
		jaegerremote.WithSamplingRefreshInterval(every), jaegerremote.WithInitialSampler(trace.NeverSample()))
	defer sampler.Close()
	return await(func(operation string) bool {
		var id oteltrace.TraceID
		_, _ = rand.Read(id[:]) // never fails
		return sampler.ShouldSample(trace.SamplingParameters{ParentContext: context.Background(), TraceID: id, Name: operation}).Decision == trace.RecordAndSample
	})
}

func jaegerClient(address string) error {
	sampler := jaeger.NewRemotelyControlledSampler("shop", jaeger.SamplerOptions.SamplingServerURL("http://"+address+"/sampling"),
		jaeger.SamplerOptions.SamplingRefreshInterval(every), jaeger.SamplerOptions.InitialSampler(jaeger.NewConstSampler(false)))
	tracer, closer := jaeger.NewTracer("shop", sampler, jaeger.NewNullReporter())
	defer closer.Close() // and the sampler
	return await(func(operation string) bool {
		return tracer.StartSpan(operation).Context().(jaeger.SpanContext).IsSampled()
	})
}

func inNode(client string) func(string) error {
	return func(address string) error {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		_, err = node.Program{Folder: nodeFolder, Script: "poll.js", Args: []string{client, host, port}}.Run(nil)
		return err
	}
}
