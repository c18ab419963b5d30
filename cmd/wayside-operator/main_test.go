package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func noEnv(string) string { return "" }

func TestDefaults(t *testing.T) {
	cmd, err := parseArgs([]string{"--image", "wayside-agent:dev"}, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if cmd.what != serve || cmd.namespace != "wayside-system" || !slices.Equal(cmd.daemonSetNamespaces, []string{"wayside-system"}) ||
		cmd.defaultAgent != (types.NamespacedName{Namespace: "wayside-system", Name: "default"}) || !cmd.elect || cmd.leaveAfter != 5*time.Second ||
		!slices.Equal(cmd.certificates.Names, []string{"wayside-operator.wayside-system.svc"}) {
		t.Errorf("%+v", cmd)
	}
	cmd, err = parseArgs(nil, func(name string) string { return map[string]string{"POD_NAMESPACE": "tracing"}[name] })
	if err != nil || cmd.namespace != "tracing" || cmd.daemonSetNamespaces[0] != "tracing" || cmd.certificates.Names[0] != "wayside-operator.tracing.svc" {
		t.Errorf("%+v, %v", cmd, err)
	}
}

func TestFlags(t *testing.T) {
	cmd, err := parseArgs([]string{
		"--namespace=tracing", "--default-agent", "observability/all", "--daemonset-namespaces", "a, b,", "--webhook-url", "https://192.0.2.1:9443/mutate-pods",
		"--leader-election=false", "--image-pull-policy", "Never", "--log-level", "debug", "--certificate-life", "1h", "--authority-life", "10h",
	}, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if cmd.defaultAgent.String() != "observability/all" || !slices.Equal(cmd.daemonSetNamespaces, []string{"a", "b"}) || cmd.certificates.Names[0] != "192.0.2.1" || cmd.elect {
		t.Errorf("%+v", cmd)
	}
	cmd, err = parseArgs([]string{"--default-agent", "", "--daemonset-namespaces", ""}, noEnv)
	if err != nil || cmd.defaultAgent != (types.NamespacedName{}) || len(cmd.daemonSetNamespaces) != 0 {
		t.Errorf("%+v, %v", cmd, err)
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--imag", "x"}, "unknown flag --imag"},
		{[]string{"start"}, `"start" is not a flag`},
		{[]string{"--image"}, "flag needs an argument: --image"},
		{[]string{"--default-agent", "a/b/c"}, "--default-agent a/b/c"},
		{[]string{"--image-pull-policy", "Sometimes"}, "Always, IfNotPresent or Never"},
		{[]string{"--webhook-url", "http://x/mutate-pods"}, "--webhook-url"},
		{[]string{"--webhook-url", "https://x/"}, "--webhook-url"},
		{[]string{"--log-level", "loud"}, "debug, info, warn or error"},
		{[]string{"--log-format", "xml"}, "text or json"},
		{[]string{"--certificate-life", "1h", "--authority-life", "1h"}, "--authority-life"},
	} {
		var out, errs bytes.Buffer
		if code := run(test.args, &out, &errs); code != wrongUse || !strings.Contains(errs.String(), test.want) || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%q: %d, %s", test.args, code, errs.String())
		}
	}
}

func TestHelpTellsOfEveryFlag(t *testing.T) {
	var out bytes.Buffer
	if code := run([]string{"--help"}, &out, nil); code != ok {
		t.Fatal(code)
	}
	for _, f := range flagNames {
		if !regexp.MustCompile(`(?m)^  --` + f + `\b`).MatchString(out.String()) {
			t.Errorf("--help says nothing of --%s", f)
		}
	}
	for line := range strings.Lines(out.String()) {
		if len([]rune(line)) > 85 {
			t.Errorf("a line of more than 84 columns: %s", line)
		}
	}
	out.Reset()
	if code := run([]string{"version"}, &out, nil); code != ok || !strings.HasPrefix(out.String(), "wayside-operator ") {
		t.Errorf("%d %s", code, out.String())
	}
}

func TestWithoutAnAPIServerItSaysSo(t *testing.T) {
	t.Setenv("KUBECONFIG", t.TempDir()+"/none")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	var errs bytes.Buffer
	if code := run([]string{"--image", "x"}, nil, &errs); code != failure || !strings.Contains(errs.String(), "how to reach the API server") {
		t.Errorf("%d %s", code, errs.String())
	}
}
