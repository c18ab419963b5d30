package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/wayside-tracing/wayside/internal/version"
	"github.com/wayside-tracing/wayside/kube/certificate"
	"github.com/wayside-tracing/wayside/kube/cluster"
	"github.com/wayside-tracing/wayside/kube/inject"
	"github.com/wayside-tracing/wayside/kube/reconcile"
	"github.com/wayside-tracing/wayside/kube/render"
	"github.com/wayside-tracing/wayside/kube/webhook"
)

// operate runs the operator until the context ends:
//
//	                     ┌───────────────── every replica ─────────────────┐
//	API server ── HTTPS ─► webhook ── inject ── cluster.View (caches, nodes)
//	                     │    └─ certificate.Keeper ── Secret, webhook object
//	                     │    └─ Copier ── ConfigMap for a pod that was just injected
//	                     ├───────────────── the leader ────────────────────┤
//	API server ─ watches ─► Counter ── how many pods have what they should
//	                     │    └─ Reconciler ── ConfigMap, DaemonSet, Service, status
//	                     └─────────────────────────────────────────────────┘
func operate(ctx context.Context, cmd command, stderr io.Writer) error {
	log := logger(cmd, stderr)
	quiet := atLeastInfo{log.Handler()}
	ctrllog.SetLogger(logr.FromSlogHandler(slog.New(quiet).With("by", "controller-runtime").Handler()))
	klog.SetSlogLogger(slog.New(quiet).With("by", "client-go"))

	config, err := restConfig(cmd.kubeconfig)
	if err != nil {
		return err
	}
	scheme, err := cluster.Scheme()
	if err != nil {
		return err
	}
	m, err := manager.New(config, manager.Options{
		Scheme:                        scheme,
		Cache:                         cluster.CacheOptions(cmd.daemonSetNamespaces),
		LeaderElection:                cmd.elect,
		LeaderElectionID:              name,
		LeaderElectionNamespace:       cmd.namespace,
		LeaderElectionReleaseOnCancel: true, // the process ends when the manager does
		HealthProbeBindAddress:        cmd.health,
		Metrics:                       metricsserver.Options{BindAddress: cmd.metrics},
	})
	if err != nil {
		return err
	}
	direct, err := client.New(config, client.Options{Scheme: scheme, Mapper: m.GetRESTMapper(), HTTPClient: m.GetHTTPClient()})
	if err != nil {
		return err
	}

	// What is known of the cluster.
	server, err := discovery.NewDiscoveryClientForConfigAndClient(config, m.GetHTTPClient())
	if err != nil {
		return err
	}
	is, err := server.ServerVersion()
	if err != nil {
		return fmt.Errorf("the API server at %s: %w", config.Host, err)
	}
	nodes, err := cluster.NewNodes(m.GetAPIReader(), is.GitVersion, log)
	if err != nil {
		return err
	}
	view, err := cluster.NewView(ctx, m.GetCache(), m.GetAPIReader(), inject.Options{
		Options:             render.Options{Image: cmd.image, ImagePullPolicy: cmd.pullPolicy},
		Default:             cmd.defaultAgent,
		DaemonSetNamespaces: cmd.daemonSetNamespaces,
	}, nodes)
	if err != nil {
		return err
	}

	// The webhook.
	object := webhook.Object{Name: name, Namespace: cmd.namespace, Service: name, Port: 443, URL: cmd.webhookURL, Owner: owner(ctx, direct, log)}
	secret := &certificate.Secret{
		Client: direct, Name: types.NamespacedName{Namespace: cmd.namespace, Name: name + "-certificate"}, Labels: webhook.Labels(), Replica: rand.Text()[:8],
	}
	keeper, err := certificate.NewKeeper(cmd.certificates, secret,
		func(ctx context.Context, bundle []byte) error { return object.Apply(ctx, direct, bundle) }, log)
	if err != nil {
		return err
	}
	copier := reconcile.NewCopier(direct, log)
	counts, err := webhook.NewMetrics(metrics.Registry)
	if err != nil {
		return err
	}
	hook, err := webhook.NewServer(cmd.webhook, keeper.GetCertificate, webhook.NewHandler(view, copier.Injected, counts, log), log)
	if err != nil {
		return err
	}

	// What the leader does.
	events := m.GetEventRecorder(name)
	counter := reconcile.NewCounter(m.GetCache(), view, object.LeftOut(), events, log)
	if err := errors.Join(metrics.Registry.Register(counter), metrics.Registry.Register(expiry(keeper))); err != nil {
		return err
	}
	r := reconcile.NewReconciler(m.GetClient(), view.Options, counter.Tally, func() string { return nodes.Oldest().String() }, events, log)
	if err := r.Setup(m, cmd.daemonSetNamespaces, counter.Changed()); err != nil {
		return err
	}

	for _, runnable := range []manager.Runnable{nodes, keeper, copier, hook, counter} {
		if err := m.Add(runnable); err != nil {
			return err
		}
	}
	var leaving atomic.Bool
	synced := syncedBy(ctx, view)
	if err := errors.Join(
		m.AddHealthzCheck("alive", func(*http.Request) error { return nil }),
		m.AddReadyzCheck("webhook", func(*http.Request) error {
			switch {
			case leaving.Load():
				return errors.New("it is ending")
			case keeper.Shown() == nil:
				return errors.New("there is no certificate yet")
			case !synced():
				return errors.New("the caches are not filled yet")
			}
			return nil
		}),
	); err != nil {
		return err
	}
	log.Info("starting", "version", version.Read().String(), "kubernetes", is.GitVersion, "namespace", cmd.namespace, "webhook", hook.Address().String(),
		"default_agent", cmd.defaultAgent.String(), "daemonset_namespaces", cmd.daemonSetNamespaces)

	// At the end it answers on until API servers have turned to others.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	context.AfterFunc(ctx, func() {
		leaving.Store(true)
		hook.Leave()
		log.Info("ending", "after", cmd.leaveAfter)
		time.AfterFunc(cmd.leaveAfter, stop)
	})
	return m.Start(running)
}

// syncedBy says whether the view has been filled, without waiting for it.
func syncedBy(ctx context.Context, v *cluster.View) func() bool {
	var done atomic.Bool
	go func() {
		if v.Synced(ctx) {
			done.Store(true)
		}
	}()
	return done.Load
}

// expiry is when the certificate that is shown ends.
func expiry(k *certificate.Keeper) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wayside_operator_certificate_expiry_timestamp_seconds",
		Help: "When the certificate that the webhook shows ends, in seconds since 1970; 0 before there is one. It is renewed when a third of its life is left.",
	}, func() float64 {
		c := k.Shown()
		if c == nil {
			return 0
		}
		return float64(c.Leaf.NotAfter.Unix())
	})
}

func logger(cmd command, w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: cmd.logLevel}
	if cmd.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// atLeastInfo is for libraries, whose debugging is of no use to who debugs the operator.
type atLeastInfo struct{ slog.Handler }

func (h atLeastInfo) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelInfo && h.Handler.Enabled(ctx, l)
}

func (h atLeastInfo) WithAttrs(a []slog.Attr) slog.Handler {
	return atLeastInfo{h.Handler.WithAttrs(a)}
}

func (h atLeastInfo) WithGroup(name string) slog.Handler {
	return atLeastInfo{h.Handler.WithGroup(name)}
}

// restConfig is how the API server is reached.
func restConfig(file string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = file
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("how to reach the API server: %w", err)
	}
	config.UserAgent = name + "/" + version.Read().Version
	config.QPS = -1 // the API server itself sees to fairness
	return config, nil
}
