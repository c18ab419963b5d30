package otlpjson

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/wayside-tracing/wayside/wire/grpc"
)

func TestReplies(t *testing.T) {
	for _, tc := range []struct {
		got  []byte
		want string
	}{
		{AppendTraceResponse(nil, grpc.PartialSuccess{}), `{}`},
		{AppendTraceResponse(nil, grpc.PartialSuccess{Rejected: 3}), `{"partialSuccess":{"rejectedSpans":"3"}}`},
		{AppendTraceResponse(nil, grpc.PartialSuccess{Message: "slow"}), `{"partialSuccess":{"errorMessage":"slow"}}`},
		{
			AppendTraceResponse(nil, grpc.PartialSuccess{Rejected: math.MinInt64, Message: "a\"b\\\n\x00\x1f\xffü😀\u2028"}),
			`{"partialSuccess":{"rejectedSpans":"-9223372036854775808","errorMessage":"a\"b\\\u000a\u0000\u001f` + "\uFFFDü😀\u2028" + `"}}`,
		},
		{AppendStatus(nil, grpc.Status{}), `{"code":0}`},
		{AppendStatus(nil, grpc.Status{Code: grpc.InvalidArgument, Message: "bad"}), `{"code":3,"message":"bad"}`},
		{
			AppendStatus([]byte(" "), grpc.Status{Code: grpc.Unavailable, RetryDelay: 2 * time.Second}),
			` {"code":14,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"2s"}]}`,
		},
		{
			AppendStatus(nil, grpc.Status{Code: grpc.ResourceExhausted, Message: "full", RetryDelay: 1050 * time.Millisecond}),
			`{"code":8,"message":"full","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.050000000s"}]}`,
		},
	} {
		if string(tc.got) != tc.want || !json.Valid(tc.got) {
			t.Errorf("\n got %s\nwant %s", tc.got, tc.want)
		}
	}
}
