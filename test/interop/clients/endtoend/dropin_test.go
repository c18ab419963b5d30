package endtoend

import (
	"os"
	"testing"

	"github.com/wayside-tracing/wayside/test/interop/clients/harness"
	"github.com/wayside-tracing/wayside/test/interop/clients/scenario"
	"github.com/wayside-tracing/wayside/test/interop/fields"
)

// The help that the table of flags is held against is the real Jaeger Agent's.
func TestHelpOfTheJaegerAgent(t *testing.T) {
	t.Parallel()
	copied, err := os.ReadFile("../../../../agent/config/jaegerflags/testdata/help.txt")
	if err != nil {
		t.Fatal(err)
	}
	if help := harness.JaegerAgentHelp(t); help != string(copied) {
		t.Errorf("the Jaeger Agent's help is\n%s\nand the copy of it\n%s", help, copied)
	}
}

// dropInRules are what differs from what the Jaeger Agent would have brought: what is OTLP on its way.
var dropInRules = []fields.Rule{
	{
		Name: "no flags", Why: "OpenTelemetry's translation leaves the sampled bit out",
		Apply: func(s fields.Span) { s.Fields["flags"] = "0" },
	},
	{
		Name: "HTTP 503 is an error", Why: "OpenTelemetry's translation reads the status from http.status_code if nothing else says",
		Apply: func(s fields.Span) {
			if s.Fields["tags[http.status_code]"] == "int64 503" {
				s.Fields["tags[error]"] = "bool true"
			}
		},
	},
	{
		Name: "an error is said twice", Why: "OpenTelemetry's way back to Jaeger writes a status as two tags",
		Apply: func(s fields.Span) {
			if s.Fields["tags[error]"] == "bool true" {
				s.Fields["tags[otel.status_code]"] = "string ERROR"
			}
		},
	},
}

// With one command line, as the Jaeger operator gives it, both agents bring the same to Jaeger, but for what the rules name.
func TestSameAsTheJaegerAgent(t *testing.T) {
	client := clients(t)[0] // Jaeger's own
	story := scenario.Story()
	t.Setenv("POD_NAME", "shop-7d4f")
	jaegers := [2]*harness.Jaeger{}
	got := [2][]harness.JaegerTrace{}
	for i := range jaegers {
		jaegers[i] = harness.StartJaeger(t, harness.FreePort(t), harness.FreePort(t))
	}
	args := func(j *harness.Jaeger) []string {
		return []string{"--agent.tags=cluster=undefined,pod.name=${POD_NAME:},host.ip=${NO_SUCH_VARIABLE:},zone=${NO_SUCH_VARIABLE}", "--reporter.grpc.host-port=dns:///" + j.GRPC}
	}
	theirs, ours := harness.StartJaegerAgentBy(t, args(jaegers[0])...), harness.StartAgentBy(t, args(jaegers[1])...)
	for i, agent := range []harness.DropIn{theirs, ours} {
		if err := client.tell(agent.Compact, story); err != nil {
			t.Fatal(err)
		}
		got[i] = jaegerTraces(t, jaegers[i], scenario.OTLP(story))
	}
	spans := func(traces []harness.JaegerTrace) (list []fields.Span) {
		for _, trace := range traces {
			list = append(list, jaegerSpans(t, trace)...)
		}
		return list
	}
	for _, line := range fields.Compare(func() []fields.Span { return spans(got[0]) }, spans(got[1]), dropInRules) {
		t.Error(line)
	}
	if code := ours.Stop(t); code != 0 {
		t.Errorf("the agent ends with exit code %d", code)
	}
}
