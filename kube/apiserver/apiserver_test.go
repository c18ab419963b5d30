package apiserver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// serve is a client of an API server that answers with handler.
func serve(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	c, err := New(&rest.Config{Host: s.URL, BearerToken: "secret"}, "shop")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func status(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","reason":%q,"message":%q,"code":%d}`, reason, message, code)
}

func TestGetAndList(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("%s %s with %q", r.Method, r.URL, r.Header.Get("Authorization"))
		}
		switch r.URL.String() {
		case "/api/v1/namespaces/shop/pods/web":
			io.WriteString(w, `{"metadata":{"name":"web"}}`)
		case "/apis/apps/v1/deployments?labelSelector=app%3Dweb&limit=500":
			io.WriteString(w, `{"metadata":{"continue":"next"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}`)
		case "/apis/apps/v1/deployments?continue=next&labelSelector=app%3Dweb&limit=500":
			io.WriteString(w, `{"metadata":{},"items":[{"metadata":{"name":"c"}}]}`)
		case "/version":
			io.WriteString(w, `{"major":"1","minor":"34+"}`)
		default:
			t.Errorf("asked %s", r.URL)
		}
	})
	pod, err := Get[corev1.Pod](t.Context(), c, Ref{Kind: pods, Namespace: "shop", Name: "web"})
	if err != nil || pod.Name != "web" {
		t.Errorf("got %+v, %v", pod, err)
	}
	all, err := List[corev1.Pod](t.Context(), c, Ref{Kind: Kind{"apps", "v1", "deployments"}}, Select{Labels: "app=web"})
	if err != nil || len(all) != 3 || all[2].Name != "c" {
		t.Errorf("listed %d, %v", len(all), err)
	}
	if major, minor, err := c.Version(t.Context()); major != 1 || minor != 34 || err != nil {
		t.Errorf("version %d.%d, %v", major, minor, err)
	}
}

// What is refused says which permission would do, in words for whoever gives it.
func TestErrors(t *testing.T) {
	code, reason, message := 0, "", ""
	c := serve(t, func(w http.ResponseWriter, r *http.Request) { status(w, code, reason, message) })
	for _, x := range []struct {
		code            int
		reason, message string
		ref             Ref
		want            string
	}{
		{403, "Forbidden", "x", Ref{Kind: pods, Namespace: "shop", Name: "web"}, "you may not get pods in namespace shop"},
		{403, "Forbidden", "x", Ref{Kind: Kind{"wayside.dev", "v1alpha1", "traceagents"}}, "you may not list traceagents.wayside.dev in the whole cluster"},
		{403, "Forbidden", "x", Ref{Kind: pods, Namespace: "shop", Name: "web:1", Sub: "proxy", Below: "status"}, "you may not get pods/proxy in namespace shop"},
		{401, "Unauthorized", "x", Ref{Kind: pods, Namespace: "shop"}, "the API server does not know you: the kubeconfig's credentials have expired, or are for another cluster"},
		{404, "NotFound", "x", Ref{Kind: pods, Namespace: "shop", Name: "web"}, "there is no pods/web in namespace shop"},
		{500, "InternalError", "etcd is away.", Ref{Kind: pods, Namespace: "shop"}, "pods in namespace shop: etcd is away (HTTP 500)"},
	} {
		code, reason, message = x.code, x.reason, x.message
		_, err := Get[corev1.Pod](t.Context(), c, x.ref)
		if err == nil || err.Error() != x.want {
			t.Errorf("got  %v\nwant %s", err, x.want)
		}
		if _, forbidden := Forbidden(err); forbidden != (x.code == 403) || Missing(err) != (x.code == 404) {
			t.Errorf("%v: forbidden %v, missing %v", err, forbidden, Missing(err))
		}
	}

	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	c, err := New(&rest.Config{Host: gone.URL}, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Get[corev1.Pod](t.Context(), c, Ref{Kind: pods, Namespace: "shop"})
	if err == nil || !strings.HasPrefix(err.Error(), "API server 127.0.0.1:") || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}

func TestNoClusterConfigured(t *testing.T) {
	t.Setenv("KUBECONFIG", t.TempDir()+"/none")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	if _, err := Open(Choice{}); err == nil || !strings.Contains(err.Error(), "--kubeconfig") {
		t.Errorf("got %v", err)
	}
	if _, err := Open(Choice{Kubeconfig: t.TempDir() + "/none"}); err == nil || !strings.HasPrefix(err.Error(), "kubeconfig: ") {
		t.Errorf("got %v", err)
	}
}

func TestAskPodByProxy(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.String(); got != "/api/v1/namespaces/shop/pods/web:14271/proxy/status" || r.Header.Get("Accept") != "application/json" {
			t.Errorf("asked %s, accepting %q", got, r.Header.Get("Accept"))
		}
		io.WriteString(w, `{"ready":true}`)
	})
	body, err := c.AskPod(t.Context(), "shop", "web", 14271, "/status")
	if string(body) != `{"ready":true}` || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
}

// Where the proxy does not reach the pod, or may not be used, a port is forwarded.
func TestAskPodByForwardedPort(t *testing.T) {
	for name, proxy := range map[string]func(http.ResponseWriter){
		"forbidden":   func(w http.ResponseWriter) { status(w, 403, "Forbidden", "no") },
		"unreachable": func(w http.ResponseWriter) { status(w, 503, "ServiceUnavailable", "connection refused") },
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/proxy/status") {
					proxy(w)
					return
				}
				if r.URL.Path != "/api/v1/namespaces/shop/pods/web/portforward" {
					t.Errorf("asked %s", r.URL)
				}
				kubelet(t, w, r, "14271", "")
			})
			body, err := c.AskPod(t.Context(), "shop", "web", 14271, "/status")
			if string(body) != `{"path":"/status"}` || err != nil {
				t.Errorf("got %q, %v", body, err)
			}
		})
	}
}

func TestAskPodInVain(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) { status(w, 403, "Forbidden", `pods "web" is forbidden`) })
	_, err := c.AskPod(t.Context(), "shop", "web", 14271, "/status")
	const want = "you may not get pods/proxy in namespace shop\nyou may not create pods/portforward in namespace shop"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, forbidden := Forbidden(err); !forbidden {
		t.Error("not told as a permission")
	}

	c = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/portforward") {
			kubelet(t, w, r, "14271", "connection refused")
			return
		}
		status(w, 503, "ServiceUnavailable", "no route")
	})
	_, err = c.AskPod(t.Context(), "shop", "web", 14271, "/status")
	if err == nil || !strings.Contains(err.Error(), "no route") || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}

// kubelet answers a forwarded port by SPDY: with fails on the stream for errors,
// or as an agent does. WebSocket it does not take, so that the second choice is
// what is tried.
func kubelet(t *testing.T, w http.ResponseWriter, r *http.Request, port, fails string) {
	if r.Header.Get("Upgrade") == "websocket" {
		http.Error(w, "unable to upgrade: no WebSocket here", http.StatusBadRequest)
		return
	}
	if _, err := httpstream.Handshake(r, w, []string{"portforward.k8s.io"}); err != nil {
		t.Error(err)
		return
	}
	done := make(chan struct{})
	errs := make(chan httpstream.Stream, 1)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
		if got := s.Headers().Get("port"); got != port {
			t.Errorf("port %s", got)
		}
		if s.Headers().Get("streamType") == "error" {
			errs <- s
			return nil
		}
		go func() {
			defer close(done)
			e := <-errs
			if fails != "" {
				io.WriteString(e, fails)
				e.Close()
				s.Reset()
				return
			}
			e.Close()
			req, err := http.ReadRequest(bufio.NewReader(s))
			if err != nil {
				t.Error(err)
				return
			}
			body, _ := json.Marshal(map[string]string{"path": req.URL.Path})
			fmt.Fprintf(s, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			s.Close()
		}()
		return nil
	})
	if conn == nil {
		t.Error("no connection")
		return
	}
	<-done
	<-conn.CloseChan()
}

func TestForwardEndsWithContext(t *testing.T) {
	hold := make(chan struct{})
	c := serve(t, func(w http.ResponseWriter, r *http.Request) { <-hold })
	defer close(hold)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := c.Forward(ctx, "shop", "web", 1); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}
