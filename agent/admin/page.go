package admin

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/agent/ledger/losses"
)

// page is HTML that is being written. html/template would say the same with
// 2.3 MB more of binary, a quarter of what the agent may have.
type page struct{ bytes.Buffer }

// put writes HTML. format is a constant; what it is filled with is escaped.
func (p *page) put(format string, args ...string) {
	escaped := make([]any, len(args))
	for i, a := range args {
		escaped[i] = html.EscapeString(a)
	}
	fmt.Fprintf(p, format, escaped...)
}

// renderPage writes the status page: first how it is, then the ledger, then
// what explains it.
func renderPage(v view, pprof bool) []byte {
	var p page
	findings := judge(v)
	p.WriteString("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n")
	p.WriteString("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
	p.WriteString("<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>\n")
	p.put("<title>%s: Wayside agent</title>\n", findings[0].says)
	p.WriteString("<style>" + pageCSS + "</style>\n")
	p.put("<header><h1>Wayside agent</h1><p id=\"about\">%s, up for %s</p><p id=\"pulse\"></p></header>\n<main>\n",
		v.status.Version, age(v.now.Sub(v.status.Started)))
	p.WriteString("<div id=\"verdicts\">\n")
	p.put("<section class=\"verdict %s\"><h2>%s</h2>", findings[0].level.String(), findings[0].says)
	for _, s := range findings[0].then {
		p.put("<p>%s</p>", s)
	}
	p.WriteString("</section>\n")
	if len(findings) > 1 {
		p.WriteString("<ul class=\"card\">\n")
		for _, f := range findings[1:] {
			p.put("<li class=\"%s\"><strong>%s</strong>", f.level.String(), f.says)
			for _, s := range f.then {
				p.put("<p>%s</p>", s)
			}
			p.WriteString("</li>\n")
		}
		p.WriteString("</ul>\n")
	}
	p.WriteString("</div>\n<div id=\"body\">\n")
	for _, l := range v.lanes {
		p.lane(v, l)
	}
	p.listeners(v.status)
	p.sockets(v.status)
	p.sampling(v.now, v.status.Sampling)
	p.WriteString("</div>\n")
	p.config(v.status.Config)
	p.WriteString("</main>\n<footer><p><a href=\"metrics\">Metrics</a> <a href=\"healthz\">Alive</a> <a href=\"readyz\">Ready</a> <a href=\"version\">Version</a>")
	if pprof {
		p.WriteString(" <a href=\"debug/pprof/\">Profiles</a>")
	}
	p.put("</p><p>This page as JSON: <code>curl -H 'Accept: application/json' …/status</code>. Memory %s, of which %s anonymous; %s.</p></footer>\n",
		size(int(v.process.rss)), size(int(v.process.anon)), v.build.Go+", "+v.build.Platform)
	p.WriteString("<script>" + pageJS + "</script>\n</html>\n")
	return p.Bytes()
}

func (p *page) lane(v view, l laneView) {
	if len(v.lanes) > 1 {
		p.put("<h2>Lane %s</h2>\n", l.Name)
	}
	p.WriteString("<h2>Every span since the agent began</h2>\n")
	p.equation(l)
	p.losses("Lost spans <small>taken in, and then</small>", l, losses.Dropped)
	p.losses("Never came in <small>lost on the way to the agent, or refused at its door</small>", l, losses.Outside)
	p.endpoints(v.now, l)
	p.disk(l)
	p.buffer(l)
}

// equation is the ledger's promise with its figures.
func (p *page) equation(l laneView) {
	term := func(class, name string, n uint64, rate string) {
		p.put("<div class=\"%s\"><b>%s</b><span>%s</span><em>%s</em></div>", class, count(n), name, rate)
	}
	p.WriteString("<div class=\"card equation\">")
	term("", "accepted", l.Accepted, perSecond(l.rate(accepted)))
	if l.Recovered > 0 {
		p.WriteString("<i>+</i>")
		term("", "recovered from disk", l.Recovered, "")
	}
	p.WriteString("<i>=</i>")
	term("", "delivered", l.Delivered, perSecond(l.rate(delivered)))
	p.WriteString("<i>+</i>")
	wait := "none waits"
	if l.Buffered > 0 {
		wait = "oldest " + age(fromSeconds(l.Buffer.OldestAge))
	}
	term("", "buffered", l.Buffered, wait)
	p.WriteString("<i>+</i>")
	lost, class, share := l.Dropped.Sum(), "", ""
	if lost > 0 {
		class, share = "lost", percent(lost, accepted(l.Account))
	}
	term(class, "lost", lost, share)
	p.WriteString("</div>\n")
}

// losses explain those ways of loss that have happened.
func (p *page) losses(title string, l laneView, ways []losses.Way) {
	open := false
	for _, w := range ways {
		n := lossesOf(l.Account, w.Name)
		if n == 0 {
			continue
		}
		if !open {
			open = true
			// title is a constant of this file.
			p.WriteString("<h2>" + title + "</h2>\n<div class=\"card scroll\"><table class=\"stack\"><tbody>\n")
		}
		_, reason, _ := strings.Cut(w.Name, ".")
		p.put("<tr><th class=\"n\">%s</th><td><p>%s</p><p class=\"soft\">%s <code>%s</code></p></td></tr>\n",
			counted(n, w.Unit), w.What, w.Fix, cmp.Or(reason, w.Name))
	}
	if open {
		p.WriteString("</tbody></table></div>\n")
	}
}

func (p *page) endpoints(now time.Time, l laneView) {
	p.WriteString("<h2>Collectors</h2>\n<div class=\"card scroll\"><table class=\"stack\"><thead><tr><th>Address<th>State<th class=\"n\">Requests<th class=\"n\">Failed<th>Last error</tr></thead><tbody>\n")
	if len(l.Endpoints) == 0 {
		p.WriteString("<tr><th>none</th><td colspan=\"4\">Spans are kept, and none is delivered.</td></tr>\n")
	}
	for _, e := range l.Endpoints {
		class, word := idle, "nothing sent yet"
		switch e.State {
		case ledger.EndpointOK:
			class, word = good, "answers"
		case ledger.EndpointBackoff:
			class, word = warn, "failing"
		case ledger.EndpointHeld:
			class, word = warn, "refuses this agent"
		}
		p.put("<tr><th><code>%s</code>", e.Address)
		if e.IP != "" {
			p.put("<p class=\"soft\"><code>%s</code></p>", e.IP)
		}
		p.put("</th><td><span class=\"tag %s\">%s</span>", class.String(), word)
		if r := retry(e); r != "" {
			p.put("<p class=\"soft\">%s</p>", r)
		}
		if e.InFlight > 0 {
			p.put("<p class=\"soft\">%s on the way</p>", counted(uint64(e.InFlight), "requests"))
		}
		p.put("</td><td class=\"n\" data-name=\"requests\">%s</td><td class=\"n\" data-name=\"failed\">%s</td><td>", count(e.Requests), count(e.Failures))
		p.put("<p data-name=\"last error\">%s</p>", cmp.Or(e.LastError, "none"))
		if e.LastErrorAt != nil {
			p.put("<p class=\"soft\">%s ago", age(now.Sub(*e.LastErrorAt)))
			if e.LastOKAt != nil {
				p.put("; last success %s ago", age(now.Sub(*e.LastOKAt)))
			} else {
				p.WriteString("; it has never answered")
			}
			p.WriteString("</p>")
		}
		p.WriteString("</td></tr>\n")
	}
	p.WriteString("</tbody></table></div>\n")
}

// buffer is a bar: taken for delivery, waiting, free.
func (p *page) buffer(l laneView) {
	b := l.Buffer
	used := b.Answered + b.Datagram
	waiting := max(0, used-b.InFlight)
	part := func(n int) string {
		return strconv.FormatFloat(100*float64(n)/float64(max(b.Limit, used, 1)), 'f', 2, 64)
	}
	name := "Buffer"
	if b.Disk != nil {
		name = "Memory"
	}
	p.put("<h2>"+name+" <small>%s of %s</small></h2>\n<div class=\"card\">", size(used), size(b.Limit))
	p.put("<svg class=\"bar\" viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%s used of %s\"><rect class=\"flight\" width=\"%s\" height=\"1\"/><rect class=\"wait\" x=\"%s\" width=\"%s\" height=\"1\"/></svg>",
		size(used), size(b.Limit), part(b.InFlight), part(b.InFlight), part(waiting))
	p.put("<p class=\"legend\"><span><i class=\"key flight\"></i>taken for delivery %s</span><span><i class=\"key wait\"></i>waiting %s</span><span><i class=\"key free\"></i>free %s</span>",
		size(b.InFlight), size(waiting), size(max(0, b.Limit-used)))
	if b.Answered > 0 {
		p.put("<span>answered queue %s, datagram queue %s</span>", size(b.Answered), size(b.Datagram))
	}
	p.WriteString("</p></div>\n")
}

// disk is a bar as well: answered, datagrams, free.
func (p *page) disk(l laneView) {
	d := l.Buffer.Disk
	if d == nil {
		return
	}
	used := d.Answered + d.Datagram
	part := func(n int64) string {
		return strconv.FormatFloat(100*float64(n)/float64(max(d.Limit, used, 1)), 'f', 2, 64)
	}
	p.put("<h2>Buffer on disk <small>%s of %s</small>", size(int(used)), size(int(d.Limit)))
	if d.State != ledger.DiskOK {
		p.put(" <span class=\"tag warn\">%s</span>", d.State)
	}
	p.put("</h2>\n<div class=\"card\"><svg class=\"bar\" viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%s used of %s\"><rect class=\"flight\" width=\"%s\" height=\"1\"/><rect class=\"wait\" x=\"%s\" width=\"%s\" height=\"1\"/></svg>",
		size(int(used)), size(int(d.Limit)), part(d.Answered), part(d.Answered), part(d.Datagram))
	p.put("<p class=\"legend\"><span><i class=\"key flight\"></i>answered %s</span><span><i class=\"key wait\"></i>datagrams %s</span><span><i class=\"key free\"></i>free %s</span><span><code>%s</code>, sync %s</span></p></div>\n",
		size(int(d.Answered)), size(int(d.Datagram)), size(int(max(0, d.Limit-used))), d.Path, d.Sync)
}

// listeners are where requests come in.
func (p *page) listeners(st ledger.Status) {
	if len(st.Listeners) == 0 {
		return
	}
	p.WriteString("<h2>Listeners <small>requests taken in</small></h2>\n<div class=\"card scroll\"><table class=\"stack\"><thead><tr><th>Address<th class=\"n\">gRPC<th class=\"n\">HTTP<th class=\"n\">HTTP, JSON<th class=\"n\">Received<th class=\"n\">Connections</tr></thead><tbody>\n")
	for _, l := range st.Listeners {
		what := l.Source
		if l.TLS {
			what += ", TLS"
		}
		p.put("<tr><th><code>%s</code> <span class=\"soft\">%s</span></th>", l.Address, what)
		p.put("<td class=\"n\" data-name=\"gRPC\">%s</td><td class=\"n\" data-name=\"HTTP\">%s</td><td class=\"n\" data-name=\"HTTP, JSON\">%s</td><td class=\"n\" data-name=\"received\">%s</td><td class=\"n\" data-name=\"connections\">%s</td></tr>\n",
			count(l.Requests.GRPC), count(l.Requests.HTTP+l.Requests.HTTPThrift), count(l.Requests.HTTPJSON), size(int(l.Bytes)), count(uint64(l.Connections)))
	}
	p.WriteString("</tbody></table></div>\n")
}

func (p *page) sockets(st ledger.Status) {
	if len(st.Sockets) == 0 && st.SoftnetDrops == 0 {
		return
	}
	p.WriteString("<h2>Sockets</h2>\n<div class=\"card scroll\"><table class=\"stack\"><thead><tr><th>Address<th class=\"n\">Packets<th class=\"n\">Received<th class=\"n\">Dropped by the kernel<th>Socket buffer</tr></thead><tbody>\n")
	for _, s := range st.Sockets {
		p.put("<tr><th><code>%s</code> <span class=\"soft\">%s</span></th>", s.Address, s.Encoding)
		p.put("<td class=\"n\" data-name=\"packets\">%s</td><td class=\"n\" data-name=\"received\">%s</td><td class=\"n\" data-name=\"dropped by the kernel\">%s</td>", count(s.Packets), size(int(s.Bytes)), count(s.KernelDrops))
		if s.BufferGot < s.BufferAsked {
			p.put("<td><p><span class=\"tag warn\">%s of %s asked for</span></p></td></tr>\n", size(s.BufferGot), size(s.BufferAsked))
		} else {
			p.put("<td data-name=\"socket buffer\">%s</td></tr>\n", size(s.BufferGot))
		}
	}
	p.WriteString("</tbody></table></div>\n")
	if st.SoftnetDrops > 0 {
		p.put("<p class=\"soft\"><small>Before they reached any socket, this host dropped %s of any kind since the agent began (softnet). If that grows, raise net.core.netdev_max_backlog.</small></p>\n", counted(st.SoftnetDrops, "packets"))
	}
}

// config is whatever can tell its keys and values in order.
func (p *page) config(c any) {
	settings, ok := c.(interface {
		All(yield func(key, value string) bool)
	})
	if !ok {
		return
	}
	p.WriteString("<h2>Configuration <small>in force, without secrets</small></h2>\n<details class=\"card\"><summary>Show</summary><table><tbody>\n")
	for key, value := range settings.All {
		p.put("<tr><th><code>%s</code></th><td>%s</td></tr>\n", key, value)
	}
	p.WriteString("</tbody></table></details>\n")
}

// percent of a loss is never rounded to nothing.
func percent(n, of uint64) string {
	if of == 0 {
		return ""
	}
	p := 100 * float64(n) / float64(of)
	if p < 0.01 {
		return "under 0.01 %"
	}
	return strconv.FormatFloat(p, 'f', 2, 64) + " %"
}
