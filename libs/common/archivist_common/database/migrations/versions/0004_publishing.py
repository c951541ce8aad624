"""publishing: targets, publications, the ledger of effects, links, chapters and syncs

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "publish_targets",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column(
            "capabilities", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("auto_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("credentials_sha256", sa.String(length=64), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_code", sa.String(length=50), nullable=True),
        sa.Column("stopped_reason", sa.Text(), nullable=True),
        sa.Column("away_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("away_reason", sa.Text(), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_ok_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_publish_targets")),
    )
    op.create_table(
        "show_links",
        sa.Column("storage", sa.String(length=64), nullable=False),
        sa.Column("file_path", sa.String(length=500), nullable=False),
        sa.Column("cablecast_id", sa.Integer(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("linked_by", sa.Integer(), nullable=True),
        sa.Column("linked_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["linked_by"], ["users.id"], name=op.f("fk_show_links_linked_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("storage", "file_path", name=op.f("pk_show_links")),
    )
    op.create_index(op.f("idx_show_links_cablecast_id"), "show_links", ["cablecast_id"], unique=False)
    op.create_table(
        "sync_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=10), server_default="pending", nullable=False),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("added", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("changed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("gone", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_code", sa.String(length=50), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("asked_by", sa.Integer(), nullable=True),
        sa.Column("created_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moved_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_date", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('shows', 'vods')", name=op.f("check_sync_kind")),
        sa.CheckConstraint("mode IN ('full', 'changes')", name=op.f("check_sync_mode")),
        sa.CheckConstraint("status IN ('pending', 'running', 'completed', 'failed')", name=op.f("check_sync_status")),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"], name=op.f("fk_sync_runs_asked_by"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["target"], ["publish_targets.name"], name=op.f("fk_sync_runs_target")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_runs")),
    )
    op.create_index(
        "uq_sync_runs_live",
        "sync_runs",
        ["target", "kind"],
        unique=True,
        postgresql_where=sa.text("status IN ('pending', 'running')"),
    )
    op.create_table(
        "chapter_lists",
        sa.Column("transcription_id", sa.Uuid(), nullable=False),
        sa.Column("chapters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("edited_by", sa.Integer(), nullable=True),
        sa.Column("edited_date", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["edited_by"], ["users.id"], name=op.f("fk_chapter_lists_edited_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["transcription_id"],
            ["transcriptions.id"],
            name=op.f("fk_chapter_lists_transcription_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("transcription_id", name=op.f("pk_chapter_lists")),
    )
    op.create_table(
        "publications",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("storage", sa.String(length=64), nullable=False),
        sa.Column("file_path", sa.String(length=500), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("transcription_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(length=20), server_default="pending", nullable=False),
        sa.Column("stage", sa.String(length=20), server_default="resolve", nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("item", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("plan", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("suggestions", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("vod_id", sa.String(length=100), nullable=True),
        sa.Column("url", sa.String(length=500), nullable=True),
        sa.Column("vendor_state", sa.String(length=50), nullable=True),
        sa.Column("vendor_percent", sa.Double(), nullable=True),
        sa.Column("vendor_message", sa.Text(), nullable=True),
        sa.Column("vendor_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attention_code", sa.String(length=50), nullable=True),
        sa.Column("attention_message", sa.Text(), nullable=True),
        sa.Column("attention_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "warnings", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failure_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("crash_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("crashed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.String(length=100), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("followed_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdraw_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.Integer(), nullable=True),
        sa.Column("approved_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_code", sa.String(length=50), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("published_date", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'processing') = (lease_owner IS NOT NULL AND lease_expires_at IS NOT NULL)",
            name=op.f("check_publication_lease_while_processing"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'processing', 'held', 'published', 'failed', 'removed')",
            name=op.f("check_publication_status"),
        ),
        sa.ForeignKeyConstraint(
            ["approved_by"], ["users.id"], name=op.f("fk_publications_approved_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["target"], ["publish_targets.name"], name=op.f("fk_publications_target")),
        sa.ForeignKeyConstraint(
            ["transcription_id"],
            ["transcriptions.id"],
            name=op.f("fk_publications_transcription_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_publications_user_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publications")),
        sa.UniqueConstraint("target", "storage", "file_path", name=op.f("uq_publications_target_storage_file_path")),
    )
    op.create_index("idx_publications_batch_id", "publications", ["batch_id"], unique=False)
    op.create_index(
        "idx_publications_claim",
        "publications",
        ["queued_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("idx_publications_created_date", "publications", ["created_date", "id"], unique=False)
    op.create_index(
        "idx_publications_lease",
        "publications",
        ["lease_expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'processing'"),
    )
    op.create_index("idx_publications_transcription_id", "publications", ["transcription_id"], unique=False)
    op.create_table(
        "caption_versions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("publication_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("transcription_id", sa.Uuid(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("restores", sa.Integer(), nullable=True),
        sa.Column("created_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("placed_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_date", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["publication_id"],
            ["publications.id"],
            name=op.f("fk_caption_versions_publication_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["transcription_id"],
            ["transcriptions.id"],
            name=op.f("fk_caption_versions_transcription_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_caption_versions")),
        sa.UniqueConstraint("publication_id", "number", name=op.f("uq_caption_versions_publication_id_number")),
    )
    op.create_index("idx_caption_versions_transcription_id", "caption_versions", ["transcription_id"], unique=False)
    op.create_table(
        "effects",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("publication_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=20), server_default="intended", nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("note", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_date", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'confirmed') = (settled_date IS NOT NULL)", name=op.f("check_effect_settled")),
        sa.CheckConstraint("state IN ('intended', 'unknown', 'confirmed')", name=op.f("check_effect_state")),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["publications.id"], name=op.f("fk_effects_publication_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_effects")),
        sa.UniqueConstraint("publication_id", "key", name=op.f("uq_effects_publication_id_key")),
    )
    op.create_index(
        "idx_effects_unsettled",
        "effects",
        ["publication_id"],
        unique=False,
        postgresql_where=sa.text("state <> 'confirmed'"),
    )
    op.add_column("cablecast_shows", sa.Column("cg_title", sa.String(length=255), nullable=True))
    op.add_column("cablecast_shows", sa.Column("event_date", sa.Date(), nullable=True))
    op.add_column("cablecast_shows", sa.Column("local_id", sa.String(length=255), nullable=True))
    op.add_column("cablecast_shows", sa.Column("location", sa.Integer(), nullable=True))
    op.add_column("cablecast_shows", sa.Column("project", sa.String(length=255), nullable=True))
    op.add_column(
        "cablecast_shows",
        sa.Column("files", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    )
    op.add_column(
        "cablecast_shows",
        sa.Column("vods", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    )
    op.add_column("cablecast_shows", sa.Column("has_captions", sa.Boolean(), nullable=True))
    op.add_column("cablecast_shows", sa.Column("last_modified", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cablecast_shows", sa.Column("seen_run", sa.BigInteger(), nullable=True))
    op.add_column("cablecast_shows", sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("idx_cablecast_shows_event_date", "cablecast_shows", ["event_date"], unique=False)
    op.create_index("idx_cablecast_shows_local_id", "cablecast_shows", ["local_id"], unique=False)
    op.add_column(
        "vod_content", sa.Column("target", sa.String(length=64), server_default="cablecast", nullable=False)
    )
    op.add_column("vod_content", sa.Column("show", sa.Integer(), nullable=True))
    op.add_column("vod_content", sa.Column("vendor_state", sa.String(length=50), nullable=True))
    op.add_column("vod_content", sa.Column("is_watchable", sa.Boolean(), nullable=True))
    op.add_column("vod_content", sa.Column("seen_run", sa.BigInteger(), nullable=True))
    op.add_column("vod_content", sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "vod_content",
        sa.Column("updated_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("vod_content", "updated_date")
    op.drop_column("vod_content", "gone_at")
    op.drop_column("vod_content", "seen_run")
    op.drop_column("vod_content", "is_watchable")
    op.drop_column("vod_content", "vendor_state")
    op.drop_column("vod_content", "show")
    op.drop_column("vod_content", "target")
    op.drop_index("idx_cablecast_shows_local_id", table_name="cablecast_shows")
    op.drop_index("idx_cablecast_shows_event_date", table_name="cablecast_shows")
    op.drop_column("cablecast_shows", "gone_at")
    op.drop_column("cablecast_shows", "seen_run")
    op.drop_column("cablecast_shows", "last_modified")
    op.drop_column("cablecast_shows", "has_captions")
    op.drop_column("cablecast_shows", "vods")
    op.drop_column("cablecast_shows", "files")
    op.drop_column("cablecast_shows", "project")
    op.drop_column("cablecast_shows", "location")
    op.drop_column("cablecast_shows", "local_id")
    op.drop_column("cablecast_shows", "event_date")
    op.drop_column("cablecast_shows", "cg_title")
    op.drop_index("idx_effects_unsettled", table_name="effects", postgresql_where=sa.text("state <> 'confirmed'"))
    op.drop_table("effects")
    op.drop_index("idx_caption_versions_transcription_id", table_name="caption_versions")
    op.drop_table("caption_versions")
    op.drop_index("idx_publications_transcription_id", table_name="publications")
    op.drop_index(
        "idx_publications_lease", table_name="publications", postgresql_where=sa.text("status = 'processing'")
    )
    op.drop_index("idx_publications_created_date", table_name="publications")
    op.drop_index("idx_publications_claim", table_name="publications", postgresql_where=sa.text("status = 'pending'"))
    op.drop_index("idx_publications_batch_id", table_name="publications")
    op.drop_table("publications")
    op.drop_table("chapter_lists")
    op.drop_index(
        "uq_sync_runs_live", table_name="sync_runs", postgresql_where=sa.text("status IN ('pending', 'running')")
    )
    op.drop_table("sync_runs")
    op.drop_index(op.f("idx_show_links_cablecast_id"), table_name="show_links")
    op.drop_table("show_links")
    op.drop_table("publish_targets")
