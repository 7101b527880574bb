{{/* Cluster-wide objects have it too: a second installation of one cluster would judge everything twice. */}}
{{- define "palette-rbac.name" -}}
{{ .Values.fullnameOverride | default "palette-rbac" }}
{{- end }}

{{- define "palette-rbac.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "palette-rbac.selector" -}}
app.kubernetes.io/name: {{ include "palette-rbac.name" . }}
{{- end }}

{{- define "palette-rbac.sync-selector" -}}
app.kubernetes.io/name: {{ include "palette-rbac.name" . }}-sync
{{- end }}

{{- define "palette-rbac.helm-labels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "palette-rbac.labels" -}}
{{ include "palette-rbac.selector" . }}
app.kubernetes.io/part-of: palette-rbac
{{ include "palette-rbac.helm-labels" . }}
{{- end }}

{{- define "palette-rbac.sync-labels" -}}
{{ include "palette-rbac.sync-selector" . }}
app.kubernetes.io/part-of: palette-rbac
{{ include "palette-rbac.helm-labels" . }}
{{- end }}

{{- define "palette-rbac.failure-policy" -}}
{{ .Values.webhook.failurePolicy | default (ternary "Ignore" "Fail" (eq .Values.mode "audit")) }}
{{- end }}

{{/* Where the directory comes from: NAMESPACE/NAME of a snapshot, or nothing. */}}
{{- define "palette-rbac.snapshot" -}}
{{- if .Values.directory.snapshot -}}
{{ .Values.directory.snapshot }}
{{- else if .Values.sync.enabled -}}
{{ .Values.sync.namespace }}/snapshot
{{- end }}
{{- end }}

{{/* What the schema cannot say, since it is about two values. */}}
{{- define "palette-rbac.check" -}}
{{- $sources := list }}
{{- with .Values.directory }}
{{- if or .users .teams }}{{ $sources = append $sources "users and teams" }}{{ end }}
{{- range $key := list "existingConfigMap" "existingSecret" "snapshot" "url" }}
{{- if index $.Values.directory $key }}{{ $sources = append $sources $key }}{{ end }}
{{- end }}
{{- end }}
{{- if .Values.sync.enabled }}
{{- if not .Values.sync.clusterUid }}{{ fail "sync.clusterUid: the uid of this cluster in Palette is missing (docs/palette.md)" }}{{ end }}
{{- if not .Values.directory.snapshot }}{{ $sources = append $sources "sync.enabled" }}{{ end }}
{{- end }}
{{- if gt (len $sources) 1 }}{{ fail (printf "directory: one source, and not %s" (join ", " $sources)) }}{{ end }}
{{- if and .Values.directory.url (not .Values.directory.urlSecret) }}{{ fail "directory.urlSecret: the Secret with the token for directory.url is missing" }}{{ end }}
{{- if and .Values.existingPolicy .Values.policy }}{{ fail "policy: either this or existingPolicy" }}{{ end }}
{{- if and .Values.certificates.caBundle (ne .Values.certificates.mode "secret") }}{{ fail "certificates.caBundle: only for certificates.mode secret; otherwise it is written for you" }}{{ end }}
{{- if and .Values.certificates.issuerRef (ne .Values.certificates.mode "cert-manager") }}{{ fail "certificates.issuerRef: only for certificates.mode cert-manager" }}{{ end }}
{{- end }}

{{/* Not the webhook's own: no Service and no budget is to select these pods. */}}
{{- define "palette-rbac.registration-labels" -}}
app.kubernetes.io/name: {{ include "palette-rbac.name" . }}-registration
app.kubernetes.io/part-of: palette-rbac
{{ include "palette-rbac.helm-labels" . }}
{{- end }}

{{/* A pod that runs `palette-rbac registration` once, by the account of that name. */}}
{{- define "palette-rbac.registration-pod" -}}
{{- $root := index . 0 -}}
serviceAccountName: {{ include "palette-rbac.name" $root }}-{{ index . 1 }}
automountServiceAccountToken: true
enableServiceLinks: false
restartPolicy: Never
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
containers:
  - name: registration
    image: {{ include "palette-rbac.image" $root }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: [registration, {{ index . 2 }}, {{ include "palette-rbac.name" $root }}]
    resources:
      requests: { cpu: 10m, memory: 32Mi }
      limits: { memory: 128Mi }
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
{{- end }}
