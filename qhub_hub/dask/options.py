"""The options of a cluster as the gateway's client shows them: a widget in the notebook, for this person."""

from dask_gateway_server.options import Integer, Mapping, Options, Select

from qhub_hub.sessions import ClusterOffer, ClusterOffers, show_cost
from qhub_hub.sessions.sizes import describe_hardware

_MINUTE = 60


def widget_options(offers: ClusterOffers) -> Options:
    """What this person may choose from; the first choice of each is the default.

    Only the widget is made of it: whatever comes back is read by `parse_cluster_request` and decided by
    `make_cluster_plan`, like any other request.

    Args:
        offers: with at least one profile.
    """
    first = offers.profiles[0]
    sizes = dict.fromkeys(size for offer in offers.profiles for size in offer.sizes)
    fields = [
        Select("profile", [offer.profile for offer in offers.profiles], label=_profile_label(offers.profiles)),
        Select("environment", ["", *offers.environments], label="Environment (empty: the profile's own Python)"),
        Integer(
            "idle_minutes",
            default=max(1, first.idle // _MINUTE),
            min=1,
            max=max(1, *(offer.max_idle // _MINUTE for offer in offers.profiles)),
            label="Ends after so many minutes without work",
        ),
        Mapping("variables", label="Environment variables"),
    ]
    if sizes:
        fields.insert(2, Select("size", ["", *sizes], label="Size (empty: the profile's first)"))
    return Options(*fields)


def _profile_label(offers: tuple[ClusterOffer, ...]) -> str:
    described = [f"{offer.profile}: {text}" for offer in offers if (text := _worker_text(offer))]
    return f"Profile of each worker ({'; '.join(described)})" if described else "Profile of each worker"


def _worker_text(offer: ClusterOffer) -> str:
    price = f"{show_cost(offer.price.per_hour, offer.price.currency)} per hour" if offer.price else ""
    return ", ".join(filter(None, (describe_hardware(offer.hardware), price)))
