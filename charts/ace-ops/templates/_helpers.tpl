{{/* The names of `deploy/` for the release `ace-ops`; of another release they begin with its name. */}}
{{- define "ace-ops.prefix" -}}
{{ if eq .Release.Name .Chart.Name }}ace{{ else }}{{ .Release.Name }}{{ end }}
{{- end }}

{{- define "ace-ops.operator" -}}
{{ include "ace-ops.prefix" . }}-operator
{{- end }}

{{- define "ace-ops.worker" -}}
{{ include "ace-ops.prefix" . }}-worker
{{- end }}

{{- define "ace-ops.operatorAccount" -}}
{{ .Values.serviceAccount.operator | default (include "ace-ops.operator" .) }}
{{- end }}

{{- define "ace-ops.workerAccount" -}}
{{ .Values.serviceAccount.worker | default (include "ace-ops.worker" .) }}
{{- end }}

{{/* Labels of every object, but for the one that tells the processes apart. */}}
{{- define "ace-ops.labels" -}}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: ace-ops
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* They can't be changed once a Deployment is there: `deploy/` has the same. */}}
{{- define "ace-ops.operatorSelector" -}}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/name: ace-operator
{{- end }}

{{- define "ace-ops.workerSelector" -}}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/name: ace-worker
{{- end }}

{{- define "ace-ops.image" -}}
{{- $image := .image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .context.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "ace-ops.workerImage" -}}
{{- $image := ternary .Values.worker.image .Values.image (ne .Values.worker.image.repository "") -}}
{{ include "ace-ops.image" (dict "image" $image "context" .) }}
{{- end }}

{{- define "ace-ops.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "ace-ops.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
  - ALL
{{- end }}

{{/* Flags of both processes, and of `check`. */}}
{{- define "ace-ops.flags" -}}
{{- range .Values.watchNamespaces }}
- --watch-namespace={{ . }}
{{- end }}
{{- range .Values.allowHosts.database }}
- --allow-database-host={{ . }}
{{- end }}
{{- range .Values.allowHosts.scratch }}
- --allow-scratch-host={{ . }}
{{- end }}
{{- range .Values.allowHosts.store }}
- --allow-store-host={{ . }}
{{- end }}
{{- if .Values.allowInsecureDatabase }}
- --allow-insecure-database
{{- end }}
{{- if .Values.worker.storePodIdentity }}
- --allow-store-pod-identity
{{- end }}
{{- if ne .Values.log.filter "info" }}
- --log={{ .Values.log.filter }}
{{- end }}
{{- if ne .Values.log.format "json" }}
- --log-format={{ .Values.log.format }}
{{- end }}
{{- end }}

{{- define "ace-ops.operatorFlags" -}}
- --name={{ include "ace-ops.operator" . }}
- --kinds={{ include "ace-ops.operatorKinds" . }}
- --shards={{ .Values.shards }}
{{- range .Values.allowHosts.api }}
- --allow-api-host={{ . }}
{{- end }}
{{- range .Values.allowHosts.gateway }}
- --allow-gateway-host={{ . }}
{{- end }}
{{- range .Values.allowHosts.notify }}
- --allow-notify-host={{ . }}
{{- end }}
{{- range .Values.allowSourceHosts }}
- --allow-source-host={{ . }}
{{- end }}
{{- include "ace-ops.flags" . }}
{{- end }}

{{- define "ace-ops.workerFlags" -}}
- --name={{ include "ace-ops.worker" . }}
- --kinds={{ include "ace-ops.workerKinds" . }}
{{- if ne (int .Values.worker.runsAtOnce) 2 }}
- --runs-at-once={{ .Values.worker.runsAtOnce }}
{{- end }}
{{- include "ace-ops.flags" . }}
{{- end }}

{{- define "ace-ops.environment" -}}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_UID
  valueFrom:
    fieldRef:
      fieldPath: metadata.uid
- name: POD_SERVICE_ACCOUNT
  valueFrom:
    fieldRef:
      fieldPath: spec.serviceAccountName
{{- if .Values.trustBundle.configMap }}
- name: SSL_CERT_FILE
  value: /etc/ace-ops/trust/{{ .Values.trustBundle.key }}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ace-ops.probes" -}}
livenessProbe:
  httpGet:
    path: /healthz
    port: metrics
  periodSeconds: 10
  timeoutSeconds: 5
readinessProbe:
  httpGet:
    path: /readyz
    port: metrics
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}

{{- define "ace-ops.mounts" -}}
{{- if .Values.trustBundle.configMap }}
volumeMounts:
- name: trust
  mountPath: /etc/ace-ops/trust
  readOnly: true
{{- end }}
{{- end }}

{{- define "ace-ops.volumes" -}}
{{- with .Values.trustBundle }}
{{- if .configMap }}
volumes:
- name: trust
  configMap:
    name: {{ .configMap }}
    items:
    - key: {{ .key | quote }}
      path: {{ .key | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "ace-ops.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where pods run: of the values of one process. */}}
{{- define "ace-ops.scheduling" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end }}

{{/* What no schema can say. */}}
{{- define "ace-ops.refuse" -}}
{{- if .Values.watchNamespaces }}
{{- range .Values.accessNamespaces }}
{{- if not (has . $.Values.watchNamespaces) }}
{{- fail (printf "accessNamespaces has %q, which is not in watchNamespaces: nothing of it would be read" .) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and (not .Values.serviceAccount.create) (or (not .Values.serviceAccount.operator) (and .Values.worker.enabled (not .Values.serviceAccount.worker))) }}
{{- fail "serviceAccount.create is false: name the accounts that are there in serviceAccount.operator and serviceAccount.worker" }}
{{- end }}
{{- if gt (len .Release.Name) 40 }}
{{- fail (printf "the name of the release, %q, is longer than 40 characters: names that begin with it would be too long" .Release.Name) }}
{{- end }}
{{- end }}
