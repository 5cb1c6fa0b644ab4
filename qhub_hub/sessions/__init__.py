"""The decision: Config + Identity + Request → Plan, in pure functions that every adapter shares."""

from qhub_hub.sessions.cluster import ClusterPlan, make_cluster_plan
from qhub_hub.sessions.cluster_command import cluster_command
from qhub_hub.sessions.cluster_limits import ClusterUsage, Share, limiting_groups, workers_that_fit
from qhub_hub.sessions.cluster_offers import ClusterOffer, ClusterOffers, offered_clusters
from qhub_hub.sessions.cluster_request import ClusterRequest, parse_cluster_request
from qhub_hub.sessions.cluster_summary import ClusterSummary, cluster_summary, read_cluster_summary
from qhub_hub.sessions.explain import explain
from qhub_hub.sessions.explanation import Explanation, to_dict, to_text
from qhub_hub.sessions.idle import IdlePolicy
from qhub_hub.sessions.limits import Usage, Used, limits_cost
from qhub_hub.sessions.mounts import Mount
from qhub_hub.sessions.plan import Plan, make_plan
from qhub_hub.sessions.prices import Price, show_cost
from qhub_hub.sessions.process import Process, to_process
from qhub_hub.sessions.profiles import Choice, Offer, Option, default_choice, offers
from qhub_hub.sessions.rejection import Rejected
from qhub_hub.sessions.request import Request, parse_form, parse_query, parse_request
from qhub_hub.sessions.sizes import Amount, Hardware, describe_hardware
from qhub_hub.sessions.summary import PlanSummary, read_summary, summary

__all__ = [
    "Amount",
    "Choice",
    "ClusterOffer",
    "ClusterOffers",
    "ClusterPlan",
    "ClusterRequest",
    "ClusterSummary",
    "ClusterUsage",
    "Explanation",
    "Hardware",
    "IdlePolicy",
    "Mount",
    "Offer",
    "Option",
    "Plan",
    "PlanSummary",
    "Price",
    "Process",
    "Rejected",
    "Request",
    "Share",
    "Usage",
    "Used",
    "cluster_command",
    "cluster_summary",
    "default_choice",
    "describe_hardware",
    "explain",
    "limiting_groups",
    "limits_cost",
    "make_cluster_plan",
    "make_plan",
    "offered_clusters",
    "offers",
    "parse_cluster_request",
    "parse_form",
    "parse_query",
    "parse_request",
    "read_cluster_summary",
    "read_summary",
    "show_cost",
    "summary",
    "to_dict",
    "to_process",
    "to_text",
    "workers_that_fit",
]
