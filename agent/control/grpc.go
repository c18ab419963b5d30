package control

import (
	"context"
	"errors"

	"github.com/wayside-tracing/wayside/wire/grpc"
	"github.com/wayside-tracing/wayside/wire/sampling"
)

// Answer answers a call of gRPC, as a Jaeger collector's SamplingManager. The
// error is a grpc.Status.
func (s *Sampling) Answer(method string, request []byte) (reply []byte, err error) {
	if method != sampling.Method {
		return nil, grpc.Status{Code: grpc.Unimplemented, Message: "unknown method " + method}
	}
	service, err := sampling.ReadRequest(request)
	if err != nil {
		return nil, grpc.Status{Code: grpc.InvalidArgument, Message: err.Error()}
	}
	strategy, err := s.strategy(context.Background(), &s.answers.GRPC, service)
	switch {
	case err == nil:
		return strategy.AppendProto(nil), nil
	case errors.Is(err, ErrOff):
		return nil, grpc.Status{Code: grpc.Unimplemented, Message: err.Error()}
	case errors.Is(err, errLongName):
		return nil, grpc.Status{Code: grpc.InvalidArgument, Message: err.Error()}
	}
	return nil, grpc.Status{Code: grpc.Unavailable, Message: err.Error()}
}
