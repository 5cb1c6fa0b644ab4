{{- /*
Rules of NetworkPolicies that several parts share. Whatever no rule allows is denied.
*/ -}}

{{- /* Pods of this release with a component's name; called with (dict "top" $ "component" "hub"). */ -}}
{{- define "qhub.network.component" -}}
podSelector:
  matchLabels:
    component: {{ .component }}
    release: {{ .top.Release.Name }}
{{- end -}}

{{- /*
Where a part may go besides the parts that it works with, by `egressAllowRules`.

The link-local range is left out as a whole: clouds hand out credentials on several of its addresses. So is the range of
carrier-grade NAT, which some clouds give to their pods and services.
*/ -}}
{{- define "qhub.network.egress" -}}
{{- if .dnsPortsPrivateIPs }}
# Names, from private addresses; 169.254.20.10 is a cache on the node.
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
  to:
    {{- include "qhub.network.privateBlocks" . | nindent 4 }}
    - ipBlock: {cidr: 169.254.20.10/32}
{{- end }}
{{- if .dnsPortsKubeSystemNamespace }}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
  to:
    - namespaceSelector:
        matchLabels: {kubernetes.io/metadata.name: kube-system}
{{- end }}
{{- if .dnsPortsCloudMetadataServer }}
# Google's clouds answer for names at the address of their metadata.
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
  to:
    - ipBlock: {cidr: 169.254.169.254/32}
{{- end }}
{{- if .nonPrivateIPs }}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 169.254.0.0/16]
    - ipBlock:
        cidr: ::/0
        except: ["fc00::/7", "fe80::/10"]
{{- end }}
{{- if .privateIPs }}
- to:
    {{- include "qhub.network.privateBlocks" . | nindent 4 }}
{{- end }}
{{- if .cloudMetadataServer }}
- to:
    - ipBlock: {cidr: 169.254.169.254/32}
{{- end }}
{{- end -}}

{{- define "qhub.network.privateBlocks" -}}
- ipBlock: {cidr: 10.0.0.0/8}
- ipBlock: {cidr: 172.16.0.0/12}
- ipBlock: {cidr: 192.168.0.0/16}
- ipBlock: {cidr: 100.64.0.0/10}
- ipBlock: {cidr: "fc00::/7"}
{{- end -}}

{{- /*
Pods that carry a label of access, here or, where the values accept it, in any namespace; called with
(dict "label" "hub.jupyter.org/network-access-hub" "policy" .Values.hub.networkPolicy).
*/ -}}
{{- define "qhub.network.labelled" -}}
- podSelector:
    matchLabels: { {{ .label }}: "true" }
  {{- if eq .policy.interNamespaceAccessLabels "accept" }}
  namespaceSelector: {}
  {{- end }}
{{- end -}}
