package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/internal/task"
)

// wish is a socket as the configuration asks for it.
type wish struct {
	source  string // the key, without "accept."
	address string
}

// socket is one that is open.
type socket struct {
	listener
	wish wish
	stop func() // nil until it is run
}

// listener is an *accept.UDP or an *accept.Listener.
type listener interface {
	task.Task
	Address() string
	Close() // for one that is not run
}

func wanted(cfg *config.Config) (list []wish) {
	add := func(source string, addresses []string) {
		for _, address := range addresses {
			list = append(list, wish{source, address})
		}
	}
	add("jaeger.compact", cfg.Accept.Jaeger.Compact)
	add("jaeger.binary", cfg.Accept.Jaeger.Binary)
	add("jaeger.zipkin_compact", cfg.Accept.Jaeger.ZipkinCompact)
	add("jaeger.grpc", cfg.Accept.Jaeger.GRPC)
	add("jaeger.http", cfg.Accept.Jaeger.HTTP)
	add("otlp.grpc", cfg.Accept.OTLP.GRPC)
	add("otlp.http", cfg.Accept.OTLP.HTTP)
	add("zipkin.http", cfg.Accept.Zipkin.HTTP)
	return list
}

// open opens a socket.
func (a *Agent) open(w wish, cfg *config.Config) (s *socket, err error) {
	s = &socket{wish: w}
	switch w.source {
	case "jaeger.compact", "jaeger.binary", "jaeger.zipkin_compact":
		encoding := strings.TrimPrefix(w.source, "jaeger.")
		s.listener, err = a.openUDP(w.address, encoding, cfg.Accept.Jaeger.SocketBuffer)
	default:
		s.listener, err = a.openRequests(w.address, w.source)
	}
	if err != nil {
		return nil, listenError("accept."+w.source, err)
	}
	return s, nil
}

// listenError adds to an error of listening what to do about it.
func listenError(key string, err error) error {
	fix := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		fix = "; stop what has it (another agent, such as the Jaeger Agent?), or set " + key
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		fix = "; it is no address of this machine: write one that is, or only :port for every interface"
	case errors.Is(err, fs.ErrPermission):
		fix = "; a port under 1024, or the folder of a socket, takes rights that this process has not: set " + key
	case errors.Is(err, fs.ErrNotExist):
		fix = "; make the socket's folder, or set " + key
	}
	return fmt.Errorf("%s: %w%s", key, err, fix)
}
