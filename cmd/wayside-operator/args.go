package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/wayside-tracing/wayside/kube/certificate"
	"github.com/wayside-tracing/wayside/kube/webhook"
)

// What the program is asked to do.
const (
	serve = iota
	showHelp
	showVersion
)

// name is that of the operator's Service, Lease, ClusterRole and webhook object.
const name = "wayside-operator"

type command struct {
	what int

	namespace           string
	defaultAgent        types.NamespacedName
	daemonSetNamespaces []string
	image               string
	pullPolicy          corev1.PullPolicy

	webhook, health, metrics string // addresses
	webhookURL               string
	kubeconfig               string
	elect                    bool
	leaveAfter               time.Duration
	certificates             certificate.Policy
	logLevel                 slog.Level
	logFormat                string
}

var flagNames = []string{
	"namespace", "default-agent", "daemonset-namespaces", "image", "image-pull-policy", "webhook", "webhook-url", "health", "metrics",
	"kubeconfig", "leader-election", "leave-after", "certificate-life", "authority-life", "log-level", "log-format", "help", "version",
}

func parseArgs(args []string, env func(string) string) (command, error) {
	cmd := command{namespace: env("POD_NAMESPACE")}
	if cmd.namespace == "" {
		cmd.namespace = "wayside-system"
	}
	var version bool
	var defaultAgent, daemonSets, pullPolicy, level string
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&cmd.namespace, "namespace", cmd.namespace, "")
	fs.StringVar(&defaultAgent, "default-agent", "default", "")
	fs.StringVar(&daemonSets, "daemonset-namespaces", "", "")
	fs.StringVar(&cmd.image, "image", "", "")
	fs.StringVar(&pullPolicy, "image-pull-policy", "", "")
	fs.StringVar(&cmd.webhook, "webhook", ":9443", "")
	fs.StringVar(&cmd.webhookURL, "webhook-url", "", "")
	fs.StringVar(&cmd.health, "health", ":8081", "")
	fs.StringVar(&cmd.metrics, "metrics", ":8080", "")
	fs.StringVar(&cmd.kubeconfig, "kubeconfig", "", "")
	fs.BoolVar(&cmd.elect, "leader-election", true, "")
	fs.DurationVar(&cmd.leaveAfter, "leave-after", 5*time.Second, "")
	fs.DurationVar(&cmd.certificates.Life, "certificate-life", 7*24*time.Hour, "")
	fs.DurationVar(&cmd.certificates.AuthorityLife, "authority-life", 10*365*24*time.Hour, "")
	fs.StringVar(&level, "log-level", "info", "")
	fs.StringVar(&cmd.logFormat, "log-format", "text", "")
	fs.BoolVar(&version, "version", false, "")

	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp) || len(args) == 1 && args[0] == "help":
		return command{what: showHelp}, nil
	case err != nil:
		return command{}, explain(err)
	case version || len(args) == 1 && args[0] == "version":
		return command{what: showVersion}, nil
	case fs.NArg() > 0:
		return command{}, fmt.Errorf("%q is not a flag; the commands are help and version", fs.Arg(0))
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })

	if cmd.defaultAgent, err = parseAgent(defaultAgent, cmd.namespace); err != nil {
		return command{}, err
	}
	cmd.daemonSetNamespaces = []string{cmd.namespace}
	if given["daemonset-namespaces"] {
		cmd.daemonSetNamespaces = split(daemonSets)
	}
	switch cmd.pullPolicy = corev1.PullPolicy(pullPolicy); cmd.pullPolicy {
	case "", corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever:
	default:
		return command{}, fmt.Errorf("--image-pull-policy %s: it is Always, IfNotPresent or Never", pullPolicy)
	}
	if err := cmd.logLevel.UnmarshalText([]byte(level)); err != nil {
		return command{}, fmt.Errorf("--log-level %s: it is debug, info, warn or error", level)
	}
	if !slices.Contains([]string{"text", "json"}, cmd.logFormat) {
		return command{}, fmt.Errorf("--log-format %s: it is text or json", cmd.logFormat)
	}
	cmd.certificates.Names = []string{name + "." + cmd.namespace + ".svc"}
	if cmd.webhookURL != "" {
		u, err := url.Parse(cmd.webhookURL)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Path != webhook.Path {
			return command{}, fmt.Errorf("--webhook-url %s: it has to be like https://192.0.2.1:9443%s", cmd.webhookURL, webhook.Path)
		}
		cmd.certificates.Names = []string{u.Hostname()}
	}
	if err := cmd.certificates.Check(); err != nil {
		return command{}, fmt.Errorf("--certificate-life, --authority-life: %w", err)
	}
	return cmd, nil
}

// parseAgent reads NAMESPACE/NAME, or NAME in the operator's own namespace; "" is
// none.
func parseAgent(s, namespace string) (types.NamespacedName, error) {
	ns, name, both := strings.Cut(s, "/")
	switch {
	case s == "":
		return types.NamespacedName{}, nil
	case !both:
		return types.NamespacedName{Namespace: namespace, Name: s}, nil
	case ns == "" || name == "" || strings.Contains(name, "/"):
		return types.NamespacedName{}, fmt.Errorf("--default-agent %s: it is NAMESPACE/NAME, or a NAME in %s", s, namespace)
	}
	return types.NamespacedName{Namespace: ns, Name: name}, nil
}

func split(s string) (list []string) {
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// explain says what package flag says, as people write it.
func explain(err error) error {
	if unknown, is := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); is {
		return fmt.Errorf("unknown flag --%s; there are --%s", unknown, strings.Join(flagNames, ", --"))
	}
	return errors.New(strings.Replace(strings.Replace(err.Error(), ": -", ": --", 1), "flag -", "flag --", 1))
}
