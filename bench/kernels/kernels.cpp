// Processor time of one thread of llama.cpp: reading a prompt of 256 tokens, writing 24 tokens one by one, 8 texts by 8
// tokens in common batches, and 16 tokens after 2048. Medians over the repetitions. Built twice by run.sh, with one set of kernels each.
//
//   kernels MODEL.gguf [REPETITIONS]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "llama.h"

static double processor_time() {
    timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

// Seconds for `count` tokens at `position` in each of `texts` texts.
static double decode(llama_context *context, int count, int texts, int position, bool last_only) {
    llama_batch batch = llama_batch_init(512, 0, 1);
    for (int text = 0; text < texts; text++) {
        for (int i = 0; i < count; i++) {
            const int at = batch.n_tokens++;
            batch.token[at] = 100 + (7 * i + 13 * text + position) % 10000;
            batch.pos[at] = position + i;
            batch.n_seq_id[at] = 1;
            batch.seq_id[at][0] = text;
            batch.logits[at] = !last_only || i == count - 1;
        }
    }
    const double begin = processor_time();
    if (llama_decode(context, batch) != 0) {
        fputs("kernels: a batch failed\n", stderr);
        exit(1);
    }
    const double seconds = processor_time() - begin;
    llama_batch_free(batch);
    return seconds;
}

static double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

int main(int count, char **words) {
    if (count < 2) return 2;
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    llama_backend_init();
    llama_model *model = llama_model_load_from_file(words[1], llama_model_default_params());
    if (!model) {
        fprintf(stderr, "kernels: %s was not loaded\n", words[1]);
        return 1;
    }
    llama_context_params params = llama_context_default_params();
    params.n_ctx = 4096;
    params.n_batch = params.n_ubatch = 512;
    params.n_seq_max = 8;
    params.n_threads = params.n_threads_batch = 1;
    params.kv_unified = true;
    llama_context *context = llama_init_from_model(model, params);
    std::vector<double> prefill, single, eight, deep;
    for (int repetition = 0; repetition < (count > 2 ? atoi(words[2]) : 3); repetition++) {
        llama_memory_clear(llama_get_memory(context), true);
        prefill.push_back(decode(context, 256, 1, 0, true) / 256);
        double seconds = 0;
        for (int i = 0; i < 24; i++) seconds += decode(context, 1, 1, 256 + i, false);
        single.push_back(seconds / 24);
        llama_memory_clear(llama_get_memory(context), true);
        decode(context, 32, 8, 0, true);
        seconds = 0;
        for (int i = 0; i < 8; i++) seconds += decode(context, 1, 8, 32 + i, false);
        eight.push_back(seconds / 64);
        llama_memory_clear(llama_get_memory(context), true);
        for (int at = 0; at < 2048; at += 512) decode(context, 512, 1, at, true);
        seconds = 0;
        for (int i = 0; i < 16; i++) seconds += decode(context, 1, 1, 2048 + i, false);
        deep.push_back(seconds / 16);
    }
    printf("{\"prefill\": %.1f, \"decode\": %.1f, \"batch_of_8\": %.1f, \"decode_after_2048\": %.1f}\n", 1 / median(prefill),
           1 / median(single), 1 / median(eight), 1 / median(deep));
}
