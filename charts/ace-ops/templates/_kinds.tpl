{{/* Made by `cargo xtask generate`; do not edit. */}}
{{- define "ace-ops.operatorKinds" -}}
Platform,EdgeFunction,MigrationSet,AlertRule,NotificationChannel,Silence,BackupDestination,BackupSchedule
{{- end }}

{{- define "ace-ops.workerKinds" -}}
Backup,Restore
{{- end }}
