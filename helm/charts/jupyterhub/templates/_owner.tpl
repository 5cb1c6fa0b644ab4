{{- /*
Nothing, or the end of the installation where an object of a hub belongs to another release, or to none.
A Secret without what a hub has there holds keys that an administrator has put ready for Helm to take over.
Input: top, object (as `lookup` finds it).
*/ -}}
{{- define "jupyterhub.requireOwn" -}}
{{- $top := .top -}}
{{- with .object -}}
{{- $namespace := $top.Release.Namespace -}}
{{- $owner := dig "metadata" "annotations" "meta.helm.sh/release-name" "" . -}}
{{- $keys := and (eq .kind "Secret") (not (hasKey (.data | default dict) "values.yaml")) (not $owner) -}}
{{- if and (ne $owner $top.Release.Name) (not $keys) -}}
{{- fail (printf "The namespace %s already has a hub, %s. Both would use the same names, so install this one in a namespace of its own: helm install %s … --namespace ANOTHER --create-namespace" $namespace (ternary (printf "that of the release %q" $owner) "which no release of Helm made" (not (empty $owner))) $top.Release.Name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
