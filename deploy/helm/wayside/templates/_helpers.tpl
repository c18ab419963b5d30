{{/* Labels of every object. The chart's version is on none of a pod: a new chart
     alone makes no pod anew. */}}
{{- define "wayside.labels" -}}
app.kubernetes.io/part-of: wayside
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "wayside.operator.labels" -}}
app.kubernetes.io/name: wayside-operator
app.kubernetes.io/instance: wayside-operator
{{ include "wayside.labels" . }}
{{- end }}

{{- define "wayside.agent.labels" -}}
app.kubernetes.io/name: wayside-agent
app.kubernetes.io/instance: wayside-agent
wayside.dev/trace-agent: agent
{{ include "wayside.labels" . }}
{{- end }}

{{/* An image by its digest, or else by its tag: dict "image" VALUES "root" $ */}}
{{- define "wayside.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* The agents' ports as YAML, made from where the configuration lets them listen:
     one place says what is open. */}}
{{- define "wayside.agent.ports" -}}
{{- $accept := .Values.daemonSet.config.accept | default dict -}}
{{- $jaeger := $accept.jaeger | default dict -}}
{{- $listeners := list
      (list "jaeger-compact" "UDP" $jaeger.compact "accept.jaeger.compact")
      (list "jaeger-binary" "UDP" $jaeger.binary "accept.jaeger.binary")
      (list "zipkin-compact" "UDP" $jaeger.zipkin_compact "accept.jaeger.zipkin_compact")
      (list "jaeger-grpc" "TCP" $jaeger.grpc "accept.jaeger.grpc")
      (list "jaeger-http" "TCP" $jaeger.http "accept.jaeger.http")
      (list "otlp-grpc" "TCP" ($accept.otlp | default dict).grpc "accept.otlp.grpc")
      (list "otlp-http" "TCP" ($accept.otlp | default dict).http "accept.otlp.http")
      (list "zipkin-http" "TCP" ($accept.zipkin | default dict).http "accept.zipkin.http")
      (list "jaeger-control" "TCP" (.Values.daemonSet.config.control | default dict).http "control.http")
      (list "wayside-admin" "TCP" (.Values.daemonSet.config.admin | default dict).http "admin.http") -}}
{{- range $listeners -}}
{{- $address := index . 2 -}}
{{- if $address -}}
{{- if not (regexMatch "^:[0-9]+$" (toString $address)) -}}
{{- fail (printf "daemonSet.config.%s is %v: pods reach agents at every address of theirs, so write it as \":PORT\"" (index . 3) $address) -}}
{{- end }}
- {name: {{ index . 0 }}, protocol: {{ index . 1 }}, port: {{ trimPrefix ":" $address }}}
{{- end -}}
{{- end -}}
{{- end }}
