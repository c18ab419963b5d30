package admin

import (
	"strings"
	"testing"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/internal/version"
)

func TestListenersAreShown(t *testing.T) {
	metrics := string(appendMetrics(nil, healthy(), version.Info{}, process{}))
	for _, want := range []string{
		`wayside_agent_listener_requests_total{address="127.0.0.1:4317",source="otlp.grpc",protocol="grpc"} 1204`,
		`wayside_agent_listener_requests_total{address="unix:/run/wayside/otlp.sock",source="otlp.http",protocol="http_json"} 3`,
		`wayside_agent_listener_spans_total{address="127.0.0.1:4317",source="otlp.grpc"} 204100`,
		`wayside_agent_listener_connections{address="127.0.0.1:4317",source="otlp.grpc"} 3`,
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	page := string(renderPage(viewOf(func(_, _ *ledger.Status) {}), false))
	for _, want := range []string{"unix:/run/wayside/otlp.sock", "otlp.http, TLS", ">1,204<"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s on the page", want)
		}
	}
	idle := viewOf(func(before, now *ledger.Status) {
		for _, s := range []*ledger.Status{before, now} {
			s.Lanes[0].Account = ledger.Account{}
			s.Sockets = nil
			s.Listeners[1].Requests = ledger.Requests{}
		}
	})
	if f := judge(idle)[0]; f.says != "No span has come in yet" || !strings.Contains(f.then[0], "1,204 requests") {
		t.Errorf("%+v", f)
	}
}
