package main

import (
	"fmt"
	"slices"
	"strings"
)

// waysOut are the ways out beside the default one, and the program that sends its
// spans like that.
var waysOut = []struct{ our, their string }{
	{waysideJaeger, jaegerAgent},
	{waysideGzip, otelcolGzip},
	{waysideZstd, otelcolZstd},
	{waysideHTTP, otelcolHTTP},
}

// outTable compares other ways out with the same of another program, and with the
// default, which is OTLP by gRPC without compression.
func (e *evidence) outTable(b *strings.Builder, o options) {
	if !slices.ContainsFunc(waysOut, func(w struct{ our, their string }) bool { _, ok := e.Binaries[w.our]; return ok }) {
		return
	}
	for _, w := range o.in {
		if w.name != jaegerUDP {
			continue
		}
		b.WriteString("\nCPU of other ways out, run by run:\n\n| rate, spans/s | way out | of | its part | µs/span more than wayside |\n|---|---|---|---|---|\n")
		for _, rate := range o.ratesOf(w) {
			for _, out := range waysOut {
				if len(e.rows(w.name, out.our, rate)) == 0 {
					continue
				}
				more, sound := e.compare(w.name, out.our, wayside, rate, func(our, their float64) float64 { return our - their })
				fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", thousands(rate), out.our, out.their,
					e.part(w.name, out.our, out.their, rate), orUnsound(more.text("%+.2f"), sound))
			}
		}
	}
}
