//go:build cluster

package nodes

import (
	"encoding/json"
	"fmt"
)

// collector is a pod that remembers which spans came (apps collect).
type collector struct {
	*space
	pod string
}

// arrived is what came with the same resource.
type arrived struct {
	Resource      map[string]string
	Spans, Unique int
}

// collect starts a collector, which the Service of the same name leads to.
func (s *space) collect(v values) *collector {
	s.Helper()
	s.apply("collector.yaml", v)
	return &collector{s, s.ready("collector", 1)[0].Name}
}

// endpoint is the collector's, in the whole cluster.
func (c *collector) endpoint() string { return "collector." + c.name + ".svc.cluster.local:4317" }

func (c *collector) counts() (list []arrived, denied int) {
	c.Helper()
	b, err := c.ask("GET", c.pod, 8080, "/counts")
	if err != nil {
		c.Fatalf("collector: %v: %s", err, b)
	}
	var answer struct {
		Arrived []arrived
		Denied  int
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		c.Fatalf("collector: %v: %s", err, b)
	}
	return answer.Arrived, answer.Denied
}

// unique is how many different spans came with attributes, and perhaps others.
func (c *collector) unique(attributes map[string]string) (n int) {
	c.Helper()
	list, _ := c.counts()
next:
	for _, a := range list {
		for k, v := range attributes {
			if a.Resource[k] != v {
				continue next
			}
		}
		n += a.Unique
	}
	return n
}

// has waits until so many different spans came with attributes.
func (c *collector) has(want int, attributes map[string]string) {
	c.Helper()
	c.await(fmt.Sprintf("%d spans of %v", want, attributes), func() error {
		if got := c.unique(attributes); got != want {
			list, _ := c.counts()
			return fmt.Errorf("%d came; in all %+v", got, list)
		}
		return nil
	})
}

// down makes the collector refuse connections; up ends that.
func (c *collector) down() { c.post("/down") }
func (c *collector) up()   { c.post("/up") }

func (c *collector) post(path string) {
	c.Helper()
	if b, err := c.ask("POST", c.pod, 8080, path); err != nil {
		c.Fatalf("collector: %v: %s", err, b)
	}
}
