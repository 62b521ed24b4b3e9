"""The hazards that must never happen, and the tests that hold each of them.

A test is named `path::name` under `tests/`, a test of a class by its own name. `make report` runs them all and writes
what they found.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hazard:
    """a hazard."""

    subject: str
    hazard: str
    tests: tuple[str, ...]


_FAULTS = "faults/test_crash_points.py"
_RACES = "contract/test_races.py"
_RECONCILE = "unit/jobs/test_reconcile.py"
_FINALIZE = "unit/jobs/test_finalization.py"
_FLOW = "flow/test_jobs.py"
_XLSX = "unit/workbook/test_reader.py"
_DIALECT = "unit/inputs/test_dialect.py"
_TOKENS = "unit/api/test_authentication.py"
_ACCESS = "unit/api/test_access.py"
_RECOVERY = "flow/test_recovery.py"


def _of(subject: str, *lines: tuple[str, *tuple[str, ...]]) -> tuple[Hazard, ...]:
    """The hazards of a subject, each given as the hazard and then its tests."""
    return tuple(Hazard(subject, line[0], line[1:]) for line in lines)


HAZARDS: tuple[Hazard, ...] = (
    *_of(
        "Delivery and races",
        (
            "The same event up to five times, shuffled, at once: one job, one execution",
            f"{_FLOW}::test_the_same_event_five_times_makes_one_job_and_one_execution",
            "unit/jobs/test_intake.py::test_any_number_of_deliveries_in_any_order_is_one_job_and_one_execution_each",
            f"{_RACES}::test_deliveries_of_one_event_at_the_same_time_are_one_job_and_one_execution",
        ),
        (
            "The object overwritten while its job runs",
            f"{_FLOW}::test_an_object_overwritten_while_its_job_runs_does_not_change_what_is_scored",
            "unit/jobs/test_intake.py::test_the_version_of_the_first_event_is_scored_and_a_later_one_removed",
        ),
        (
            "A crash before or after any AWS call of any function, then redelivery",
            f"{_FAULTS}::test_no_lost_call_breaks_a_promise",
            f"{_FAULTS}::test_a_simpler_count_is_found_out",
            f"{_FAULTS}::test_every_function_that_can_call_aws_does_so_in_a_scenario",
            f"{_FAULTS}::test_every_route_is_asked_in_a_scenario",
        ),
        (
            "A write that AWS did and whose answer was lost, repeated by botocore itself",
            f"{_FAULTS}::test_no_write_that_botocore_repeats_breaks_a_promise",
        ),
        (
            "Every step of a job's life in any order, more than once",
            "unit/jobs/test_any_order.py::TestAnyOrder",
            "contract/test_any_order.py::test_any_order_of_steps_keeps_every_promise_on_the_table_too",
        ),
        (
            "A chunk run twice, at once, or again after its part was written and not counted",
            f"{_RACES}::test_a_thousand_chunks_committed_over_and_over_from_eight_threads_are_counted_once_each",
            f"{_RACES}::test_a_chunk_committed_from_every_thread_at_once_is_accepted_once",
            f"{_FLOW}::test_a_chunk_whose_first_answer_was_lost_is_counted_once",
        ),
        (
            "A cancel against the last chunk and the end",
            f"{_RACES}::test_a_cancel_against_the_last_chunk_and_the_end_leaves_one_end_and_counts_that_stand",
            f"{_RACES}::test_cancels_at_the_same_time_all_say_the_same",
            f"{_FLOW}::test_late_chunks_of_a_cancelled_job_change_nothing_and_leave_nothing",
            f"{_FLOW}::test_a_job_cancelled_before_its_file_came_has_nothing_to_download",
            f"{_FLOW}::test_a_job_cancelled_before_its_rows_were_counted_gives_its_whole_input_back",
            f"{_FAULTS}::test_an_end_that_leaves_the_ledger_open_is_found_out",
        ),
        (
            "A delete while a late chunk writes",
            f"{_RACES}::test_a_delete_against_late_commits_brings_nothing_back",
            f"{_FLOW}::test_a_late_event_or_chunk_of_a_deleted_job_brings_nothing_back",
            f"{_FLOW}::test_a_deleted_job_leaves_a_tombstone_and_nothing_else",
            f"{_RECONCILE}::test_what_late_workers_wrote_goes_once_none_can_be_left",
        ),
        (
            "Something left behind by a job that was retried, exported and deleted",
            f"{_RECOVERY}::test_a_job_with_retries_and_exports_leaves_its_tombstones_and_nothing_else",
        ),
        (
            "A table from an older copy: executions, tombstones and objects that are gone, objects nobody knows",
            f"{_RECOVERY}::test_a_table_restored_from_an_older_copy_is_repaired_by_one_reconcile_run",
        ),
        (
            "An event parked in the dead-letter queue and given back",
            f"{_RECOVERY}::test_an_event_given_back_by_the_dead_letter_queue_makes_its_job_once",
        ),
        (
            "Finalize with a part missing or a chunk not counted",
            f"{_FINALIZE}::test_an_uncommitted_chunk_fails_the_job_naming_its_rows",
            f"{_FINALIZE}::test_a_missing_part_of_a_committed_chunk_fails_the_job_naming_its_rows",
            f"{_RECOVERY}::test_rows_of_a_scored_chunk_whose_part_is_lost_are_given_back",
        ),
        (
            "Stored objects that are lost: a job that never comes to rest, a download that promises for ever",
            f"{_RECOVERY}::test_of_a_job_whose_input_is_lost_what_was_scored_is_kept",
            f"{_RECOVERY}::test_a_job_whose_input_is_lost_before_its_rows_were_counted_is_settled",
            "unit/api/test_results.py::test_results_that_are_gone_are_409_and_say_what_to_do",
        ),
        (
            "A lost status event, a stale heartbeat, an upload that never comes, an execution that is gone",
            f"{_RECONCILE}::test_a_lost_status_event_is_made_good",
            f"{_RECONCILE}::test_a_stale_heartbeat_ends_the_job_and_stops_its_execution",
            f"{_RECONCILE}::test_an_upload_that_never_comes_ends_the_job_after_a_day",
            f"{_RECONCILE}::test_an_execution_that_no_longer_exists_ends_the_job",
        ),
        (
            "Throttling, conflicts, timeouts, half a body from S3",
            "unit/aws/test_failures.py::test_writes_that_met_are_tried_again_after_a_pause",
            "unit/aws/test_failures.py::test_writes_that_keep_meeting_are_given_up",
            "unit/aws/test_failures.py::test_a_dependency_that_does_not_answer_is_unavailable",
            "contract/test_half_bodies.py::test_half_a_body_is_no_body",
        ),
        (
            "A chunk that kills its worker",
            f"{_FLOW}::test_a_chunk_that_fails_for_good_fails_the_job_and_names_its_rows",
        ),
    ),
    *_of(
        "Files",
        (
            "A workbook with a cell at XFD1048576",
            f"{_XLSX}::test_empty_cell_far_to_the_right_is_no_value",
            "unit/workbook/test_cells.py::test_last_column_is_xfd",
        ),
        (
            "A workbook that unpacks to much, has many entries, lies of its sizes",
            f"{_XLSX}::test_sizes_are_counted_and_not_believed",
            f"{_XLSX}::test_too_many_entries_are_refused_before_they_are_listed",
            f"{_XLSX}::test_too_much_shared_text_is_refused",
        ),
        ("A workbook with a false dimension", f"{_XLSX}::test_false_dimension_loses_no_rows"),
        (
            "Entity bombs, external links, macros, dates, formulas, error cells, a merged header",
            f"{_XLSX}::test_entity_bomb_in_any_part_is_refused",
            f"{_XLSX}::test_external_relationships_are_not_followed",
            f"{_XLSX}::test_other_kinds_of_workbook_are_refused_by_name",
            f"{_XLSX}::test_cell_has_the_text_that_people_read",
            "unit/inputs/test_workbooks.py::test_merged_header_keeps_its_empty_cells",
        ),
        (
            "An unbalanced quote",
            "unit/delimited/test_records.py::test_an_open_quote_is_named_by_offset_and_line",
            "unit/inputs/test_chunks.py::test_an_open_quote_is_named_by_its_place_in_the_whole_file",
        ),
        (
            "Duplicate headers, ragged rows, NUL, a huge field, no last newline, CR alone, empty lines, nothing at all",
            "unit/inputs/test_header.py::test_two_headers_of_one_name_are_refused_by_name_and_place",
            "unit/delimited/test_records.py::test_records_with_nul_are_told_apart",
            "unit/delimited/test_records.py::test_records_with_a_large_field_are_told_apart_from_long_records",
            "unit/delimited/test_records.py::test_every_short_file_splits_as_the_plain_reading_of_the_grammar_says",
            "unit/inputs/test_dialect.py::test_a_cr_only_header_is_split_by_its_own_delimiter",
            "unit/inputs/test_chunks.py::test_a_file_without_data_rows_says_so",
            "unit/scoring/test_passthrough.py::test_a_malformed_record_stands_whole_in_the_first_cell",
        ),
        (
            "Byte-order marks, UTF-16, Windows-1252, mixed encodings",
            f"{_DIALECT}::test_a_byte_order_mark_decides_then_the_declared_encoding_then_utf8",
            f"{_DIALECT}::test_bytes_that_are_no_utf8_are_named_by_offset_with_what_to_do",
            "unit/inputs/test_rewriting.py::test_bytes_that_are_no_text_are_named_by_their_offset",
        ),
        (
            "Quoted newlines across the border of a chunk",
            "unit/inputs/test_chunks.py::test_rows_of_the_chunks_are_the_rows_of_the_file",
            "unit/scoring/test_chunk_reference.py::test_parts_of_chunks_joined_are_the_parts_of_the_whole",
        ),
        (
            "Text that runs in a spreadsheet",
            "unit/scoring/test_passthrough.py::test_text_that_would_run_as_a_formula_is_guarded_once_and_read_without_its_guard",
            "unit/scoring/test_passthrough.py::test_negative_numbers_are_not_guarded_but_formulas_in_their_place_are",
            "unit/export/test_xlsx.py::test_text_that_looks_like_a_formula_or_a_link_stays_text_even_unguarded",
            "unit/export/test_xlsx.py::test_markup_in_a_text_makes_no_cells",
        ),
        (
            "Names that traverse, hide, reorder or are long",
            "unit/jobs/test_uploads.py::test_a_shown_name_is_one_plain_part_of_a_path",
            "unit/jobs/test_uploads.py::test_characters_that_hide_or_reorder_others_are_taken_out",
            "unit/jobs/test_uploads.py::test_upload_keys_hold_nothing_of_the_callers",
            "unit/jobs/test_uploads.py::test_a_long_name_keeps_its_ending_as_far_as_there_is_room",
        ),
        (
            "Hundreds of hostile files, whole",
            "unit/scoring/test_hostile_files.py::test_a_hostile_file_is_refused_in_words_or_every_row_of_it_is_accounted_for",
            "unit/scoring/test_hostile_files.py::test_there_are_many_and_of_every_end",
            "unit/scoring/test_hostile_files.py::test_chunks_of_any_size_make_the_same_of_any_file",
        ),
        (
            "Any bytes at all",
            "unit/scoring/test_chunk_reference.py::test_any_bytes_are_scored_or_refused_with_a_declared_error",
            f"{_XLSX}::test_workbook_with_any_bytes_changed_is_read_or_a_workbook_error",
        ),
    ),
    *_of(
        "Tokens and callers",
        (
            "Forged, stripped, expired, foreign and monstrous tokens",
            f"{_TOKENS}::test_a_bad_token_is_401_and_costs_one_fetch_at_most",
            f"{_TOKENS}::test_all_bad_tokens_together_cost_one_fetch",
        ),
        (
            "Every route by every caller on every kind of job",
            f"{_ACCESS}::test_the_document_that_is_served_is_the_published_one_and_describes_every_route",
            f"{_ACCESS}::test_everything_but_health_needs_a_token",
            f"{_ACCESS}::test_a_job_is_there_for_its_organization_and_for_super_admins_only",
            f"{_ACCESS}::test_without_an_organization_a_caller_has_the_jobs_it_made",
            f"{_ACCESS}::test_foreign_absent_deleted_and_impossible_jobs_cannot_be_told_apart",
            f"{_ACCESS}::test_who_is_nobody_or_has_no_role_is_told_so_whatever_the_request_says",
        ),
        (
            "Cursors altered, cut, of another caller or another filter",
            "unit/api/test_listing.py::test_refuses_altered_cursors_and_those_of_others",
            "unit/api/test_listing.py::test_bind_the_cursor",
        ),
        (
            "Unknown and read-only fields of a body",
            "unit/api/test_announced_uploads.py::test_is_422_when_the_body_is_not_what_it_should_be",
        ),
        (
            "JSON and numbers that no parser should echo, huge limits, malformed and cut forms, base64 both ways",
            "unit/api/test_announced_uploads.py::test_of_any_json_never_fails_the_service",
            "unit/api/test_listing.py::test_refuses_parameters_it_cannot_use_without_echoing_them",
            "unit/api/test_malformed_forms.py::test_cut_in_the_middle_is_422_and_makes_no_job",
            "unit/api/test_malformed_forms.py::test_with_bytes_changed_anywhere_never_fail_the_service",
            "unit/api/test_lambda.py::test_a_form_arrives_intact_base64_or_not",
        ),
        (
            "An answer that the OpenAPI document does not describe, a refusal of what it allows or the reverse",
            "unit/api/test_document.py::test_every_operation_answers_as_documented",
        ),
        (
            "Secrets in the log",
            "unit/api/test_rows.py::test_nothing_of_the_rows_is_logged",
            "unit/api/test_lambda.py::test_every_logger_writes_one_json_line_with_its_keys_and_no_library_its_debug_lines",
        ),
        (
            "A role that may more than its function does",
            "faults/test_rights.py::test_every_call_is_allowed_by_the_role_that_makes_it",
            "faults/test_rights.py::test_without_any_one_statement_a_call_is_refused",
            "faults/test_rights.py::test_without_any_one_action_on_any_one_resource_a_call_is_refused",
        ),
    ),
)
