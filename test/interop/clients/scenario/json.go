package scenario

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// JSON is the story for a program that is not written in Go. Times come twice, as milliseconds since 1970 and as seconds
// and nanoseconds, which is how Jaeger's client and OpenTelemetry's SDK for Node are told them. Values that JSON has not
// are objects: {"bytes": base64}, and {"broken": base64} for text that is not UTF-8.
func JSON(services []Service) ([]byte, error) {
	list := []jsonService{}
	for _, s := range services {
		n := jsonService{Name: s.Name, Tags: jsonTags(s.Tags)}
		for _, span := range s.Spans {
			n.Spans = append(n.Spans, jsonSpanOf(span))
		}
		list = append(list, n)
	}
	return json.Marshal(list)
}

type (
	jsonService struct {
		Name  string     `json:"name"`
		Tags  []jsonTag  `json:"tags"`
		Spans []jsonSpan `json:"spans"`
	}
	jsonTag struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
	}
	jsonSpan struct {
		Trace     string      `json:"trace"`
		ID        string      `json:"id"`
		Parent    string      `json:"parent,omitempty"`
		Name      string      `json:"name"`
		Kind      string      `json:"kind"`
		Start     float64     `json:"start"`    // ms since 1970
		Duration  float64     `json:"duration"` // ms
		StartTime [2]int64    `json:"startTime"`
		EndTime   [2]int64    `json:"endTime"`
		Tags      []jsonTag   `json:"tags"`
		Events    []jsonEvent `json:"events"`
		Follows   []jsonLink  `json:"follows"`
		Failed    bool        `json:"failed"`
		Reason    string      `json:"reason"`
		Library   string      `json:"library"`
		Build     string      `json:"build"`
	}
	jsonEvent struct {
		Time      float64   `json:"time"` // ms since 1970
		Timestamp [2]int64  `json:"timestamp"`
		Name      string    `json:"name"`
		Tags      []jsonTag `json:"tags"`
	}
	jsonLink struct {
		Trace string    `json:"trace"`
		ID    string    `json:"id"`
		Tags  []jsonTag `json:"tags"`
	}
)

func jsonSpanOf(s Span) jsonSpan {
	n := jsonSpan{
		Trace: s.Trace.hex(), ID: fmt.Sprintf("%016x", s.ID), Name: s.Name, Kind: s.Kind, Failed: s.Failed,
		Start: milliseconds(s.Start), Duration: float64(s.Duration.Microseconds()) / 1000,
		StartTime: secondsAndNanos(s.Start), EndTime: secondsAndNanos(s.Start.Add(s.Duration)),
		Tags: jsonTags(s.Tags), Reason: s.Reason, Library: s.Library, Build: s.Build,
	}
	if s.Parent != 0 {
		n.Parent = fmt.Sprintf("%016x", s.Parent)
	}
	for _, e := range s.Events {
		n.Events = append(n.Events, jsonEvent{
			Time: milliseconds(e.Time), Timestamp: secondsAndNanos(e.Time), Name: e.Name, Tags: jsonTags(e.Tags),
		})
	}
	for _, l := range s.Follows {
		n.Follows = append(n.Follows, jsonLink{Trace: l.Trace.hex(), ID: fmt.Sprintf("%016x", l.ID), Tags: jsonTags(l.Tags)})
	}
	return n
}

func milliseconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1000 }

func secondsAndNanos(t time.Time) [2]int64 { return [2]int64{t.Unix(), int64(t.Nanosecond())} }

func (t TraceID) hex() string { return fmt.Sprintf("%016x%016x", t.High, t.Low) }

func jsonTags(tags []Tag) []jsonTag {
	var list []jsonTag
	for _, tag := range tags {
		value := tag.Value
		switch v := tag.Value.(type) {
		case []byte:
			value = map[string][]byte{"bytes": v}
		case string:
			if !utf8.ValidString(v) {
				value = map[string][]byte{"broken": []byte(v)}
			}
		}
		list = append(list, jsonTag{tag.Key, value})
	}
	return list
}
