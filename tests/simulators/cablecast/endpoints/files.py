"""Files: assets, their ties to reels, the older view of them, and uploads in segments."""

from tests.simulators.cablecast import fields
from tests.simulators.cablecast.call import Call, endpoint
from tests.simulators.cablecast.endpoints.lists import paged, window
from tests.simulators.cablecast.fields import Refused
from tests.simulators.cablecast.messages import Response, json_answer, page_of_iis, parts
from tests.simulators.cablecast.views import DIGITAL_FILE_IDS


@endpoint("assets", "GET")
def list_assets(call: Call) -> Response:
    assets = list(call.station.files.assets.values())
    wanted = {said.lower().replace("missing & deleted", "missing") for said in call.request.all("status_type[]")}
    if wanted:
        assets = [asset for asset in assets if asset.status in wanted]
    purpose = call.request.first("purpose_type")
    if purpose is not None:
        on_vod = purpose.lower() == "vod"
        assets = [asset for asset in assets if (asset.store.kind == "VOD") == on_vod]
    if call.request.first("sort") == "last_modified":
        assets.sort(key=lambda asset: -asset.changed)
    offset, size = window(call)
    here = assets[offset : offset + size]
    views, origin = call.station.views, call.request.origin
    infos = [views.asset_info(asset) for asset in here if asset.kind == "video" and asset.due is None]
    meta = {"offset": offset, "pageSize": size, "count": len(assets)}
    return json_answer(200, {"assets": [views.asset(a, origin) for a in here], "assetInfos": infos, "meta": meta})


@endpoint("assets/{id}", "GET")
def one_asset(call: Call) -> Response:
    asset = call.station.files.assets.get(call.ids[0])
    if asset is None:
        raise Refused(404, f"There is no asset {call.ids[0]}.")
    views = call.station.views
    infos = [views.asset_info(asset)] if asset.kind == "video" and asset.due is None else []
    return json_answer(200, {"asset": views.asset(asset, call.request.origin), "assetInfos": infos})


@endpoint("assetreellinks", "GET")
def list_links(call: Call) -> Response:
    return json_answer(200, {"assetReelLinks": call.station.views.links()})


@endpoint("assetreellinks/{id}", "GET")
def one_link(call: Call) -> Response:
    found = next((link for link in call.station.views.links() if link["id"] == call.ids[0]), None)
    if found is None:
        raise Refused(404, f"There is no assetReelLink {call.ids[0]}.")
    return json_answer(200, {"assetReelLink": found})


@endpoint("digitalfiles", "GET")
def list_digital_files(call: Call) -> Response:
    videos = [asset for asset in call.station.files.assets.values() if asset.kind == "video" and asset.is_there]
    return _deprecated(
        call, paged(call, "digitalfiles", [call.station.views.digital_file(video) for video in videos])
    )


@endpoint("digitalfiles/{id}", "GET")
def one_digital_file(call: Call) -> Response:
    video = call.station.files.assets.get(call.ids[0] - DIGITAL_FILE_IDS)
    if video is None or video.kind != "video":
        raise Refused(404, f"There is no digitalFile {call.ids[0]}.")
    return _deprecated(call, json_answer(200, {"digitalFile": call.station.views.digital_file(video)}))


def _deprecated(call: Call, answer: Response) -> Response:
    if call.station.switches.warning_header:
        answer.headers["Warning"] = '299 Cablecast "This endpoint is deprecated, use assets"'
    return answer


@endpoint("fileuploads", "GET")
def list_uploads(call: Call) -> Response:
    if not call.station.switches.fileuploads_list:
        return page_of_iis(405)
    rows = [call.station.views.finished(row) for row in call.world.rows["fileuploads"].values()]
    return json_answer(200, {"fileUploads": rows})


@endpoint("fileuploads", "POST")
def begin_upload(call: Call) -> Response:
    taken = fields.checked(
        "fileuploads", call.sent("fileuploads"), call.world.exists, status=call.invalid, making=True
    )
    call.station.uploads.check_name(taken["fileName"], taken["destinationStore"])
    row = call.world.make("fileuploads", {**taken, "state": 1})
    call.station.uploads.begin(row)
    return call.made("fileuploads", row)


@endpoint("fileuploads/{id}/upload", "POST")
def upload_segment(call: Call) -> Response:
    row = call.row("fileuploads")
    try:
        sent = {part.name: part for part in parts(call.request)}
    except ValueError as exc:
        raise Refused(call.invalid, str(exc)) from None
    number = sent["segment"].data.decode("ascii", "replace") if "segment" in sent else ""
    if not number.isdigit() or "file" not in sent or sent["file"].filename is None:
        raise Refused(call.invalid, "The form needs a field segment with a number and a field file with a file name.")
    call.station.uploads.segment(row, int(number), sent["file"].data)
    call.applied()
    return json_answer(200, {"fileUpload": call.station.views.finished(row)})


@endpoint("fileuploads/{id}", "PUT")
def end_upload(call: Call) -> Response:
    row = call.row("fileuploads")
    sent = call.sent("fileuploads")
    if not isinstance(sent, dict) or sent.get("state") != 2:
        raise Refused(call.invalid, "The state can be set to 2 and to nothing else.")
    call.station.uploads.finish(row)
    return call.changed("fileuploads", row)
